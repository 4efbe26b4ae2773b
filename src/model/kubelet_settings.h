// What a kubelet's configuration decides of how many pods its node takes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/meta.h"
#include "model/value.h"

namespace gputide::model {

/// As far as somebody says so; the rest is as on any EKS node.
struct KubeletSettings {
  std::optional<std::int64_t> max_pods;
  std::int64_t pods_per_core = 0;  // 0 = as many as max_pods allows
  // cpu, memory, ephemeral-storage that pods do not get.
  ResourceList kube_reserved;    // by resource in place of what an EKS node keeps
  ResourceList system_reserved;  // besides
  /// "memory.available", "nodefs.available": amounts, or shares of what there is ("5%").
  StringMap eviction_hard;

  bool operator==(const KubeletSettings&) const = default;
};

/// Reads an EC2NodeClass's `kubelet`, by the names of KubeletConfiguration. What is no amount is
/// left out: the API server refuses it.
KubeletSettings kubelet_settings(const Value& config);

/// What a threshold of evictionHard keeps free of `capacity`, in its unit; nullopt: it is neither
/// an amount nor a share. As the kubelet does, shares are floats of single precision, and 0 and 100
/// % mean no threshold.
std::optional<std::int64_t> eviction_threshold(std::string_view text, std::int64_t capacity);

}  // namespace gputide::model
