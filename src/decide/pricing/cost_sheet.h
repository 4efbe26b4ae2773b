// What a cluster costs at its sizes: a line for the control plane, each node group and each
// NodePool, their sum, and what a change does to it. Instances and control planes only: no volumes,
// no traffic.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/money.h"

namespace gputide::pricing {

/// AWS counts a month as 730 hours.
inline constexpr std::int64_t kHoursAMonth = 730;

/// `per_hour` for a number of hours or nodes; the most that Money can hold where it is beyond that.
Money times(Money per_hour, std::int64_t count);
inline Money per_month(Money per_hour) {
  return times(per_hour, kHoursAMonth);
}

/// The sizes at which a cluster is priced: a node group's minSize, desiredCapacity and maxSize. A
/// NodePool has no nodes at the first two; the third is what its limits allow.
enum class Size : std::uint8_t { Minimum, Desired, Maximum };
inline constexpr std::array kSizes = {Size::Minimum, Size::Desired, Size::Maximum};

struct SizeCost {
  std::int64_t nodes = 0;     // that are counted; a NodePool's limits count none
  Money per_hour;             // of what has a price
  std::int64_t unpriced = 0;  // nodes of which no price is known
  bool at_most = false;       // a bound: the sum may be less
  bool unlimited = false;     // nothing limits a part of it, which is left out

  SizeCost& operator+=(const SizeCost& other);
  bool operator==(const SizeCost&) const = default;
};

/// Instances of a group that are alike.
struct Instances {
  std::string type;
  std::string market;          // on-demand, spot
  std::optional<Money> price;  // an hour each
  std::array<std::int64_t, kSizes.size()> nodes{};

  bool operator==(const Instances&) const = default;
};

/// What may be bought, at the price of its cheapest or of another zone.
struct Choice {
  std::string type;
  std::string market;
  Money price;

  bool operator==(const Choice&) const = default;
};

struct CostLine {
  enum class Kind : std::uint8_t { ControlPlane, NodeGroup, NodePool };
  Kind kind = Kind::ControlPlane;
  std::string name;
  std::string version;               // of a control plane
  std::vector<Instances> instances;  // of a node group: what AWS launches
  std::vector<Choice> choices;       // all that may be bought, cheapest first
  std::int64_t volume_gib = 0;       // the root volume of each node
  std::array<SizeCost, kSizes.size()> at{};

  const SizeCost& size(Size s) const { return at[static_cast<std::size_t>(s)]; }
  SizeCost& size(Size s) { return at[static_cast<std::size_t>(s)]; }
  bool operator==(const CostLine&) const = default;
};

/// Sorts the choices by price, then type and market, and leaves out what is there twice.
void sort_choices(std::vector<Choice>& choices);

/// Adds up `line.instances` to what a line costs at each size.
void add_up(CostLine& line);

SizeCost total(const std::vector<CostLine>& lines, Size size);

/// A line before and after a change; nullptr: there is none. They point into what was compared.
struct LineChange {
  const CostLine* before = nullptr;
  const CostLine* after = nullptr;
  bool equal() const { return before && after && *before == *after; }
};

/// Lines of one kind and name belong together: those of `before` in their order, then those that
/// are new.
std::vector<LineChange> changes(const std::vector<CostLine>& before,
                                const std::vector<CostLine>& after);

}  // namespace gputide::pricing
