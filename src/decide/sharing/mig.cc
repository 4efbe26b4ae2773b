#include "decide/sharing/mig.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/sharing/gpu.h"

namespace gputide::sharing {
namespace {

/// GPUs with seven compute and eight memory slices: they differ in the memory and the
/// multiprocessors of a profile only. `gb`: as the profiles 1g, 1g with double memory, 2g, 3g, 4g
/// and 7g are named; `sm`: multiprocessors of 1g, 2g, 3g, 4g, 7g (0: not known).
MigGpu seven_slices(const std::array<int, 6>& gb, const std::array<int, 5>& sm) {
  const auto profile = [](int g, int memory, int slices, std::vector<int> starts, int processors) {
    return MigProfile{
        fmt::format("{}g.{}gb", g, memory), g, slices, false, std::move(starts), processors};
  };
  MigGpu gpu{7, 8, {}};
  gpu.profiles = {profile(1, gb[0], 1, {0, 1, 2, 3, 4, 5, 6}, sm[0]),
                  profile(1, gb[0], 1, {0, 1, 2, 3, 4, 5, 6}, sm[0]),
                  profile(1, gb[1], 2, {0, 2, 4, 6}, sm[0]),
                  profile(2, gb[2], 2, {0, 2, 4}, sm[1]),
                  profile(3, gb[3], 4, {0, 4}, sm[2]),
                  profile(4, gb[4], 4, {0}, sm[3]),
                  profile(7, gb[5], 8, {0}, sm[4])};
  gpu.profiles[1].name += "+me";
  gpu.profiles[1].media = true;
  return gpu;
}

struct Named {
  std::string_view product;
  MigGpu gpu;
};

const std::vector<Named>& table() {
  static const std::vector<Named> kTable = {
      {"NVIDIA A100-SXM4-40GB", seven_slices({5, 10, 10, 20, 20, 40}, {14, 28, 42, 56, 98})},
      {"NVIDIA A100-SXM4-80GB", seven_slices({10, 20, 20, 40, 40, 80}, {14, 28, 42, 56, 98})},
      {"NVIDIA H100 80GB HBM3", seven_slices({10, 20, 20, 40, 40, 80}, {16, 32, 60, 64, 132})},
      {"NVIDIA H200", seven_slices({18, 35, 35, 71, 71, 141}, {16, 32, 60, 64, 132})},
      {"NVIDIA B200", seven_slices({23, 45, 45, 90, 90, 180}, {0, 0, 0, 0, 0})},
      {"NVIDIA B300 SXM6 AC", seven_slices({34, 67, 67, 135, 135, 269}, {0, 0, 0, 0, 0})},
      {"NVIDIA RTX PRO 6000 Blackwell Server Edition",
       {4,
        4,
        {{"1g.24gb", 1, 1, false, {0, 1, 2, 3}, 0},
         {"1g.24gb+me", 1, 1, true, {0, 1, 2, 3}, 0},
         {"2g.48gb", 2, 2, false, {0, 2}, 0},
         {"4g.96gb", 4, 4, false, {0}, 0}}}},
      {"NVIDIA RTX PRO 4500 Blackwell Server Edition",
       {2, 2, {{"1g.16gb", 1, 1, false, {0, 1}, 0}, {"2g.32gb", 2, 2, false, {0}, 0}}}},
  };
  return kTable;
}

/// Finds a start for each of `wanted` from starts.size() on, the lowest that leaves room for the
/// rest.
bool place(const MigGpu& gpu, const std::vector<const MigProfile*>& wanted, std::uint32_t occupied,
           std::vector<int>& starts) {
  if (starts.size() == wanted.size()) return true;
  const MigProfile& profile = *wanted[starts.size()];
  for (const int start : profile.starts) {
    const std::uint32_t mask = ((1u << profile.memory_slices) - 1u) << start;
    if (start + profile.memory_slices > gpu.memory_slices || (occupied & mask) != 0) continue;
    starts.push_back(start);
    if (place(gpu, wanted, occupied | mask, starts)) return true;
    starts.pop_back();
  }
  return false;
}

/// mig-parted's "all-balanced": half of the memory in one large instance, the rest in small ones.
std::vector<std::string> balanced(const MigGpu& gpu) {
  std::vector<std::string> names;
  if (gpu.slices == 7) {
    names = {gpu.profiles[4].name, gpu.profiles[3].name, gpu.profiles[0].name,
             gpu.profiles[0].name};
  } else {
    names = {gpu.profiles[2].name, gpu.profiles[0].name, gpu.profiles[0].name};
  }
  return names;
}

}  // namespace

const MigProfile* MigGpu::find(std::string_view profile) const {
  for (const MigProfile& one : profiles)
    if (one.name == profile) return &one;
  return nullptr;
}

const MigGpu* mig_of(std::string_view product) {
  for (const Named& named : table())
    if (named.product == product) return &named.gpu;
  return nullptr;
}

Result<MigLayout> mig_layout(std::string_view product, std::string_view name) {
  MigLayout layout;
  if (name.empty() || name == "all-disabled") return layout;
  const MigGpu* gpu = mig_of(product);
  if (gpu == nullptr) return fail(fmt::format("a {} cannot be cut: it has no MIG", product));
  layout.enabled = true;
  if (name == "all-enabled") return layout;
  if (name == "all-balanced" && gpu->slices >= 4) {
    layout.profiles = balanced(*gpu);
    return layout;
  }
  // In names of layouts and resources a '+' is written as a dot: all-1g.10gb.me.
  for (const MigProfile& profile : gpu->profiles) {
    std::string written = profile.name;
    for (char& c : written)
      if (c == '+') c = '.';
    if (name != fmt::format("all-{}", profile.name) && name != fmt::format("all-{}", written))
      continue;
    // As many as there are compute slices for; the media engines are there once.
    const std::size_t most = static_cast<std::size_t>(gpu->slices / profile.slices);
    layout.profiles.assign(profile.media ? 1 : std::min(most, profile.starts.size()), profile.name);
    return layout;
  }
  std::string known;
  for (const MigProfile& profile : gpu->profiles) known += ", all-" + profile.name;
  return fail(
      fmt::format("a {} has no MIG layout {}; it has all-disabled, all-enabled, all-balanced{}",
                  product, name, known));
}

Result<void> apply_mig(Gpu& gpu, const MigLayout& layout) {
  gpu.mig_enabled = layout.enabled;
  gpu.mig.clear();
  if (layout.profiles.empty()) return {};
  const MigGpu* kind = mig_of(gpu.product);
  if (kind == nullptr) return fail(fmt::format("a {} cannot be cut: it has no MIG", gpu.product));
  std::vector<const MigProfile*> wanted;
  int slices = 0;
  int media = 0;
  for (const std::string& name : layout.profiles) {
    const MigProfile* profile = kind->find(name);
    if (profile == nullptr)
      return fail(fmt::format("a {} has no MIG profile {}", gpu.product, name));
    wanted.push_back(profile);
    slices += profile->slices;
    media += profile->media ? 1 : 0;
  }
  std::vector<int> starts;
  if (slices > kind->slices || media > 1 || !place(*kind, wanted, 0, starts))
    return fail(
        fmt::format("{} do not fit on a {} together", join(layout.profiles, ", "), gpu.product));
  for (std::size_t i = 0; i < wanted.size(); ++i)
    gpu.mig.push_back({device_uuid("MIG-", fmt::format("{}/{}", gpu.uuid, starts[i])),
                       wanted[i]->name, starts[i]});
  std::sort(gpu.mig.begin(), gpu.mig.end(),
            [](const MigDevice& a, const MigDevice& b) { return a.start < b.start; });
  return {};
}

}  // namespace gputide::sharing
