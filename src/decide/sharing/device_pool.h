// Which devices a container gets: the kubelet's ask, the plugin's preference, and its refusals.
// Source: kubelet pkg/kubelet/cm/devicemanager, NVIDIA/k8s-device-plugin internal/rm/allocate.go.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "decide/sharing/offer.h"

namespace gputide::sharing {

/// The devices of one resource of one node, taken and free. Where upstream leaves the choice to the
/// order of a hash table, the lowest index is taken.
class DevicePool {
 public:
  DevicePool(ResourceOffer resource, AllocationPolicy policy);

  const ResourceOffer& resource() const { return resource_; }
  std::int64_t size() const { return static_cast<std::int64_t>(resource_.devices.size()); }
  std::int64_t available() const { return available_; }
  /// Parts of GPUs that are taken.
  std::int64_t parts_taken() const { return parts_taken_; }

  /// Takes `count` devices for one container; their indexes in resource().devices, ascending.
  /// Errors (the pod fails with UnexpectedAdmissionError, nothing is taken): fewer are free; or the
  /// plugin refuses more than one replica.
  Result<std::vector<std::uint32_t>> take(std::int64_t count);
  void give_back(std::span<const std::uint32_t> devices);

  /// Whether an ask for `count` would ever be answered: the plugin refuses some.
  static Result<void> accepts(const ResourceOffer& resource, std::int64_t count);

 private:
  std::uint32_t preferred() const;

  ResourceOffer resource_;
  AllocationPolicy policy_;
  std::vector<bool> taken_;
  std::vector<std::int64_t> taken_by_gpu_;
  std::int64_t available_ = 0;
  std::int64_t parts_taken_ = 0;
};

}  // namespace gputide::sharing
