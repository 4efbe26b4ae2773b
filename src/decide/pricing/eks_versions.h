// The Kubernetes versions that Amazon EKS has offered, and what a control plane of each costs.
// Source: AWS's EKS release calendar of August 2026, read on 2026-11-30; the price of extended
// support as announced for April 2024, unchanged since.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/money.h"

namespace gputide::pricing {

struct EksVersion {
  int minor;
  std::string_view standard_until;
  std::string_view extended_until;
  bool offered;
  bool extended;  // out of standard support
};

/// Minor versions, oldest first, without gaps.
std::span<const EksVersion> eks_versions();

/// 34 of "1.34"; nullopt: no Kubernetes version.
std::optional<int> minor_of(std::string_view version);

/// A control plane, an hour: the same in every region.
inline constexpr Money kStandardSupport = Money::micros(100'000);
inline constexpr Money kExtendedSupport = Money::micros(600'000);

/// What the control plane of a cluster with this version costs an hour. Versions older or newer
/// than the table count as in standard support.
Money control_plane_price(std::string_view version);

}  // namespace gputide::pricing
