// MIG: which instances a GPU can be cut into, and where. Source: NVIDIA's MIG user guide (profiles
// and placements) and mig-parted's default configuration (the names of layouts).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gputide::sharing {

struct Gpu;

/// One kind of instance of one kind of GPU.
struct MigProfile {
  std::string name;                  // 1g.5gb, 1g.5gb+me, 3g.20gb
  int slices = 0;                    // compute slices that it takes
  int memory_slices = 0;             // memory slices that it takes, from its start
  bool media = false;                // +me: with the GPU's one set of media engines
  std::vector<int> starts;           // memory slices at which it may begin
  std::int64_t multiprocessors = 0;  // 0: not known
};

struct MigGpu {
  int slices = 0;         // compute slices of the whole GPU: 7, or 4, or 2
  int memory_slices = 0;  // 8, or 4, or 2
  std::vector<MigProfile> profiles;
  const MigProfile* find(std::string_view profile) const;
};

/// nullptr: GPUs of this name (as NVML gives it) have no MIG.
const MigGpu* mig_of(std::string_view product);

struct MigDevice {
  std::string uuid;     // MIG-...
  std::string profile;  // of mig_of(gpu.product)
  int start = 0;        // memory slice
};

/// The profiles that a layout of mig-parted's default configuration makes on each GPU:
/// all-disabled, all-enabled (MIG on, nothing made), all-balanced, all-<profile>. Errors: no such
/// layout on this GPU.
struct MigLayout {
  bool enabled = false;
  std::vector<std::string> profiles;
};
Result<MigLayout> mig_layout(std::string_view product, std::string_view name);

/// Cuts the GPU, each instance at the lowest start that leaves room for the others. Errors: a
/// profile that the GPU does not have, or more of them than it has room for.
Result<void> apply_mig(Gpu& gpu, const MigLayout& layout);

}  // namespace gputide::sharing
