// The labels of GPU Feature Discovery. Source: NVIDIA/k8s-device-plugin 0.20, internal/lm.
#include <algorithm>
#include <map>
#include <string>

#include <fmt/format.h>

#include "decide/sharing/offer.h"
#include "decide/sharing/replication.h"

namespace gputide::sharing {
namespace {

/// Keeps letters, digits, '-', '_', '.'; spaces become '-'; the rest is dropped.
std::string sanitized(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (c == ' ')
      out += '-';
    else if (alphanumeric || c == '-' || c == '_' || c == '.')
      out += c;
  }
  return out;
}

std::string_view strategy_text(Replication replication) {
  switch (replication) {
    case Replication::None:
      return "none";
    case Replication::TimeSlicing:
      return "time-slicing";
    case Replication::Mps:
      return "mps";
  }
  return "none";
}

class Labeler {
 public:
  Labeler(std::span<const Gpu> gpus, const PluginSetup& setup, const SharingPlan& plan)
      : gpus_(gpus), plan_(plan), strategy_(setup.config.flags.migStrategy.value_or("none")) {}

  model::StringMap run() {
    if (gpus_.empty()) return {};
    set("mig.capable", capable() ? "true" : "false");
    set("mps.capable", plan_.replication == Replication::Mps ? "true" : "false");
    if (strategy_ != "none") set("mig.strategy", strategy_);
    whole_gpus();
    if (strategy_ == "single") single();
    if (strategy_ == "mixed") mixed();
    return std::move(labels_);
  }

 private:
  void set(std::string_view key, std::string_view value) {
    std::string label("nvidia.com/");
    labels_[label.append(key)] = value;
  }
  void set(std::string_view key, std::int64_t value) { set(key, std::to_string(value)); }

  bool capable() const {
    return std::any_of(gpus_.begin(), gpus_.end(), [](const Gpu& g) { return g.mig_capable; });
  }

  const SharedResource* shared(std::string_view resource) const {
    for (const SharedResource& one : plan_.resources)
      if (one.name == resource) return &one;
    return nullptr;
  }

  /// count, product, memory and replicas under `prefix`, for the resource of that name.
  void group(std::string_view prefix, std::string_view resource, std::string product,
             std::size_t count, std::int64_t memory) {
    const SharedResource* replicated = shared(resource);
    if (replicated != nullptr && replicated->offered_name == replicated->name) product += "-SHARED";
    const std::string start = std::string(prefix) + ".";
    set(start + "product", product);
    set(start + "count", static_cast<std::int64_t>(count));
    set(start + "memory", memory);
    set(start + "replicas", replicated == nullptr ? 1 : replicated->replicas);
    set(start + "sharing-strategy",
        strategy_text(replicated == nullptr ? Replication::None : plan_.replication));
  }

  /// Several models on one node overwrite each other upstream, in no order; here the last in byte
  /// order stays.
  void whole_gpus() {
    std::map<std::string, std::size_t> count;
    for (const Gpu& gpu : gpus_) ++count[gpu.product];
    const auto& [product, of_it] = *count.rbegin();
    const Gpu& gpu = *std::find_if(gpus_.begin(), gpus_.end(),
                                   [&](const Gpu& one) { return one.product == product; });
    group("gpu", kNvidiaGpu, sanitized(product), of_it, gpu.memory_mib);
    set("gpu.family", family_of(gpu.compute_major, gpu.compute_minor));
    set("gpu.compute.major", gpu.compute_major);
    set("gpu.compute.minor", gpu.compute_minor);
    set("gpu.mode", "compute");
  }

  void mig_group(std::string_view prefix, std::string_view resource, const Gpu& gpu,
                 const MigProfile& profile, std::size_t count) {
    const MigGpu& kind = *mig_of(gpu.product);
    std::string name = profile.name;
    std::replace(name.begin(), name.end(), '+', '.');
    group(prefix, resource, fmt::format("{}-MIG-{}", sanitized(gpu.product), name), count,
          gpu.memory_mib * profile.memory_slices / kind.memory_slices);
    set(fmt::format("{}.slices.gi", prefix), profile.slices);
    set(fmt::format("{}.slices.ci", prefix), profile.slices);
    if (profile.multiprocessors > 0)
      set(fmt::format("{}.multiprocessors", prefix), profile.multiprocessors);
  }

  void invalid(const Gpu& gpu) {
    set("gpu.product", sanitized(gpu.product) + "-MIG-INVALID");
    set("gpu.count", 0);
    set("gpu.replicas", 0);
    set("gpu.memory", 0);
  }

  void single() {
    const Gpu* cut = nullptr;
    const std::string* profile = nullptr;
    std::size_t count = 0;
    bool valid = true;
    bool any_whole = false;
    for (const Gpu& gpu : gpus_) {
      if (!gpu.mig_enabled) {
        any_whole = true;
        continue;
      }
      cut = &gpu;
      valid = valid && !gpu.mig.empty();
      for (const MigDevice& device : gpu.mig) {
        valid = valid && (profile == nullptr || *profile == device.profile);
        profile = &device.profile;
        ++count;
      }
    }
    if (cut == nullptr) return;
    const MigGpu* kind = mig_of(cut->product);
    if (!valid || any_whole || kind == nullptr || profile == nullptr) return invalid(*cut);
    mig_group("gpu", kNvidiaGpu, *cut, *kind->find(*profile), count);
  }

  void mixed() {
    std::map<std::string, std::pair<const Gpu*, std::size_t>> by_profile;
    for (const Gpu& gpu : gpus_)
      for (const MigDevice& device : gpu.mig) {
        auto& [example, count] = by_profile[device.profile];
        example = &gpu;
        ++count;
      }
    for (const auto& [profile, found] : by_profile) {
      std::string name = profile;
      std::replace(name.begin(), name.end(), '+', '.');
      mig_group(fmt::format("mig-{}", name), fmt::format("nvidia.com/mig-{}", name), *found.first,
                *mig_of(found.first->product)->find(profile), found.second);
    }
  }

  std::span<const Gpu> gpus_;
  const SharingPlan& plan_;
  std::string strategy_;
  model::StringMap labels_;
};

}  // namespace

model::StringMap feature_labels(std::span<const Gpu> gpus, const PluginSetup& setup) {
  const auto plan = sharing_plan(setup);
  if (!plan) return {};
  return Labeler(gpus, setup, *plan).run();
}

}  // namespace gputide::sharing
