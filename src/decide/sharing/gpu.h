// GPUs as the driver of a machine sees them, real ones or those of an instance type.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "decide/sharing/mig.h"
#include "model/instance_type.h"

namespace gputide::sharing {

struct Gpu {
  std::string uuid;     // GPU-8b2ac5ce-...
  std::string product;  // as NVML names it: "Tesla T4", "NVIDIA A10G"
  std::int64_t memory_mib = 0;
  int compute_major = 0;
  int compute_minor = 0;
  bool mig_capable = false;
  bool mig_enabled = false;
  std::vector<MigDevice> mig;  // with MIG on: the instances that the GPU is cut into

  bool compute_at_least(int major, int minor) const {
    return compute_major > major || (compute_major == major && compute_minor >= minor);
  }
};

/// The NVIDIA GPUs of an instance type, in the driver's order; none for other types. `machine` (an
/// instance id) makes the ids: equal machines have equal ids, others have others. A GPU that is
/// split between machines (g6f) is one GPU of that part's memory. GPUs that are not known here keep
/// EC2's name and memory, with compute capability 0.0.
std::vector<Gpu> gpus_of(const model::InstanceType& type, std::string_view machine = {});

/// GFD's family of a compute capability: "turing", "hopper" ...; "undefined".
std::string_view family_of(int compute_major, int compute_minor);

/// An id in NVIDIA's form, "GPU-" or "MIG-" and a UUID, that `seed` alone decides.
std::string device_uuid(std::string_view prefix, std::string_view seed);

}  // namespace gputide::sharing
