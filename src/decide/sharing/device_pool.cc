#include "decide/sharing/device_pool.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"

namespace gputide::sharing {

DevicePool::DevicePool(ResourceOffer resource, AllocationPolicy policy)
    : resource_(std::move(resource)), policy_(policy), taken_(resource_.devices.size()) {
  std::size_t gpus = 0;
  for (const Device& device : resource_.devices) gpus = std::max<std::size_t>(gpus, device.gpu + 1);
  taken_by_gpu_.resize(gpus);
  available_ = size();
}

Result<void> DevicePool::accepts(const ResourceOffer& resource, std::int64_t count) {
  if (count <= 1 || !resource.fail_above_one) return {};
  return fail(
      fmt::format("{} is shared and gives 1 replica to a container, not {}", resource.name, count));
}

/// The free device that comes next: by the policy over GPUs, then the lowest index.
std::uint32_t DevicePool::preferred() const {
  std::uint32_t best = 0;
  std::int64_t best_taken = -1;
  for (std::uint32_t i = 0; i < taken_.size(); ++i) {
    if (taken_[i]) continue;
    const std::int64_t taken = taken_by_gpu_[resource_.devices[i].gpu];
    const bool better =
        best_taken < 0 ||
        (policy_ == AllocationPolicy::Distributed ? taken < best_taken : taken > best_taken);
    if (!better) continue;
    best = i;
    best_taken = taken;
  }
  GPUTIDE_CHECK(best_taken >= 0);
  return best;
}

Result<std::vector<std::uint32_t>> DevicePool::take(std::int64_t count) {
  std::vector<std::uint32_t> given;
  if (count <= 0) return given;
  if (count > available_)
    return fail(fmt::format("{} devices of {} were asked for, {} are free", count, resource_.name,
                            available_));
  if (auto accepted = accepts(resource_, count); !accepted) return tl::unexpected(accepted.error());
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t next = preferred();
    const Device& device = resource_.devices[next];
    taken_[next] = true;
    ++taken_by_gpu_[device.gpu];
    --available_;
    parts_taken_ += device.parts;
    given.push_back(next);
  }
  std::sort(given.begin(), given.end());
  return given;
}

void DevicePool::give_back(std::span<const std::uint32_t> devices) {
  for (const std::uint32_t i : devices) {
    GPUTIDE_CHECK(i < taken_.size() && taken_[i]);
    const Device& device = resource_.devices[i];
    taken_[i] = false;
    --taken_by_gpu_[device.gpu];
    ++available_;
    parts_taken_ -= device.parts;
  }
}

}  // namespace gputide::sharing
