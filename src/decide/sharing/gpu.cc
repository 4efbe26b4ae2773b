#include "decide/sharing/gpu.h"

#include <algorithm>
#include <cstddef>

#include "base/rng.h"

namespace gputide::sharing {
namespace {

struct GpuFacts {
  std::string_view ec2_name;
  std::int64_t ec2_memory_mib;  // 0: any
  std::string_view product;
  std::int64_t memory_mib;  // as NVML reports the total; 0: as EC2 says
  int compute_major;
  int compute_minor;
};

// Names and memory as nvidia-smi prints them with drivers of the 535 to 580 branches (older ones
// for GPUs that those no longer drive); compute capabilities: NVIDIA's list of CUDA GPUs.
constexpr GpuFacts kFacts[] = {
    {"K520", 0, "GRID K520", 4036, 3, 0},
    {"K80", 0, "Tesla K80", 11441, 3, 7},
    {"M60", 0, "Tesla M60", 7613, 5, 2},
    {"V100", 16384, "Tesla V100-SXM2-16GB", 16384, 7, 0},
    {"V100", 32768, "Tesla V100-SXM2-32GB", 32768, 7, 0},
    {"T4", 0, "Tesla T4", 15360, 7, 5},
    {"T4G", 0, "NVIDIA T4G", 15360, 7, 5},
    {"A100", 40960, "NVIDIA A100-SXM4-40GB", 40960, 8, 0},
    {"A100", 81920, "NVIDIA A100-SXM4-80GB", 81920, 8, 0},
    {"A10G", 0, "NVIDIA A10G", 23028, 8, 6},
    {"L4", 22888, "NVIDIA L4", 23034, 8, 9},
    {"L4", 11444, "NVIDIA L4-12Q", 12288, 8, 9},
    {"L4", 5722, "NVIDIA L4-6Q", 6144, 8, 9},
    {"L4", 2861, "NVIDIA L4-3Q", 3072, 8, 9},
    {"L40S", 0, "NVIDIA L40S", 46068, 8, 9},
    {"H100", 0, "NVIDIA H100 80GB HBM3", 81559, 9, 0},
    {"H200", 0, "NVIDIA H200", 143771, 9, 0},
    {"B200", 0, "NVIDIA B200", 183359, 10, 0},
    {"B300", 0, "NVIDIA B300 SXM6 AC", 275040, 10, 3},
    {"RTX-PRO-4500", 0, "NVIDIA RTX PRO 4500 Blackwell Server Edition", 32623, 12, 0},
    {"RTX-PRO-6000", 0, "NVIDIA RTX PRO 6000 Blackwell Server Edition", 97887, 12, 0},
};

const GpuFacts* facts_of(const model::InstanceType& type) {
  for (const GpuFacts& facts : kFacts)
    if (facts.ec2_name == type.gpu_name &&
        (facts.ec2_memory_mib == 0 || facts.ec2_memory_mib == type.gpu_memory_mib))
      return &facts;
  return nullptr;
}

}  // namespace

// 128 bits in hexadecimal, in groups of 8, 4, 4, 4 and 12 digits.
std::string device_uuid(std::string_view prefix, std::string_view seed) {
  static constexpr char kHex[] = "0123456789abcdef";
  Rng rng(fnv1a(seed), prefix);
  const std::uint64_t high = rng.next();
  const std::uint64_t low = rng.next();
  std::string uuid;
  uuid.reserve(prefix.size() + 36);
  uuid = prefix;
  for (int digit = 0; digit < 32; ++digit) {
    if (digit == 8 || digit == 12 || digit == 16 || digit == 20) uuid += '-';
    uuid += kHex[((digit < 16 ? high : low) >> (60 - 4 * (digit % 16))) & 15];
  }
  return uuid;
}

std::vector<Gpu> gpus_of(const model::InstanceType& type, std::string_view machine) {
  if (!type.has_nvidia()) return {};
  const GpuFacts* facts = facts_of(type);
  Gpu gpu;
  gpu.product = facts == nullptr ? type.gpu_name : facts->product;
  gpu.memory_mib =
      facts == nullptr || facts->memory_mib == 0 ? type.gpu_memory_mib : facts->memory_mib;
  if (facts != nullptr) {
    gpu.compute_major = facts->compute_major;
    gpu.compute_minor = facts->compute_minor;
  }
  gpu.mig_capable = mig_of(gpu.product) != nullptr;
  std::vector<Gpu> gpus(static_cast<std::size_t>(std::max<std::int64_t>(type.visible_gpus(), 0)),
                        gpu);
  const std::string of_machine = std::string(machine.empty() ? type.name : machine) + "/";
  for (std::size_t i = 0; i < gpus.size(); ++i)
    gpus[i].uuid = device_uuid("GPU-", of_machine + std::to_string(i));
  return gpus;
}

std::string_view family_of(int compute_major, int compute_minor) {
  switch (compute_major) {
    case 1:
      return "tesla";
    case 2:
      return "fermi";
    case 3:
      return "kepler";
    case 5:
      return "maxwell";
    case 6:
      return "pascal";
    case 7:
      return compute_minor < 5 ? "volta" : "turing";
    case 8:
      return compute_minor < 9 ? "ampere" : "ada-lovelace";
    case 9:
      return "hopper";
    case 10:
    case 12:
      return "blackwell";
    case 13:
      return "rubin";
    default:
      return "undefined";
  }
}

}  // namespace gputide::sharing
