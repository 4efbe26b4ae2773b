#include "decide/sharing/replication.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace gputide::sharing {
namespace {

constexpr std::int64_t kAwsMostVgpus = 48;
constexpr std::size_t kLongestName = 63;
constexpr std::string_view kPrefix = "nvidia.com/";

/// Without a domain, NVIDIA's is meant.
std::string resource_name(std::string_view written) {
  if (written.starts_with(kPrefix)) return std::string(written);
  return fmt::format("{}{}", kPrefix, written);
}

bool is_label(std::string_view text) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (text.empty() || !alphanumeric(text.front()) || !alphanumeric(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return alphanumeric(c) || c == '-' || c == '.'; });
}

Result<void> check_name(std::string_view name) {
  if (name.size() > kLongestName)
    return fail(fmt::format("resource name {} is longer than {} characters", name, kLongestName));
  if (!is_label(name.substr(kPrefix.size())))
    return fail(fmt::format(
        "{} is no resource name; write nvidia.com/gpu or nvidia.com/mig-<profile>", name));
  return {};
}

Result<void> check_mig(const PluginSetup& setup) {
  const std::string strategy = setup.config.flags.migStrategy.value_or("none");
  if (strategy != "none" && strategy != "single" && strategy != "mixed")
    return fail(fmt::format("unknown MIG strategy {}; write none, single or mixed", strategy));
  if (!setup.config.sharing.mps) return {};
  if (strategy == "mixed")
    return fail("MPS cannot be used with MIG strategy mixed; write timeSlicing, or strategy none");
  if (setup.kind == PluginKind::Nvidia && setup.config.flags.mpsRoot.value_or("").empty())
    return fail("sharing.mps needs flags.mpsRoot (MPS_ROOT, --mps-root); write /run/nvidia/mps");
  return {};
}

Result<SharedResource> shared_resource(const model::ReplicatedResource& entry, bool rename_all,
                                       bool ours, std::vector<std::string>& warnings) {
  SharedResource shared;
  if (entry.name.empty()) return fail("an entry of sharing has no name; write nvidia.com/gpu");
  shared.name = resource_name(entry.name);
  if (auto named = check_name(shared.name); !named) return tl::unexpected(named.error());
  if (entry.replicas < 2)
    return fail(fmt::format("{} has {} replicas; write at least 2", shared.name, entry.replicas));
  shared.replicas = entry.replicas;
  shared.offered_name = rename_all ? shared.name + ".shared" : shared.name;
  const bool subset = !entry.devices.all || entry.devices.count || !entry.devices.list.empty();
  if (ours) {
    shared.devices = entry.devices;
    if (!entry.rename.empty()) shared.offered_name = resource_name(entry.rename);
    if (auto named = check_name(shared.offered_name); !named) return tl::unexpected(named.error());
    return shared;
  }
  if (!entry.rename.empty())
    warnings.push_back(fmt::format("NVIDIA's plugin ignores rename: {}", entry.rename));
  if (subset)
    warnings.push_back(
        fmt::format("NVIDIA's plugin ignores devices: all devices of {} get {} replicas",
                    shared.name, shared.replicas));
  return shared;
}

SharingPlan aws_plan(std::int64_t vgpus) {
  SharingPlan plan;
  plan.replication = Replication::TimeSlicing;  // its MPS limits are those of the daemon's pod
  plan.resources.push_back({std::string(kNvidiaGpu), std::string(kAwsVgpu), vgpus, {}});
  return plan;
}

}  // namespace

bool SharedResource::takes(std::string_view id, std::string_view index, std::size_t so_far) const {
  if (devices.count) return so_far < static_cast<std::size_t>(std::max(0, *devices.count));
  if (devices.list.empty()) return true;
  return std::any_of(devices.list.begin(), devices.list.end(),
                     [&](const std::string& one) { return one == id || one == index; });
}

Result<void> SharedResource::found(std::size_t matched) const {
  std::size_t wanted = devices.list.size();
  if (devices.count) wanted = static_cast<std::size_t>(std::max(0, *devices.count));
  if (matched >= wanted) return {};
  return fail(fmt::format("sharing of {} names {} devices; the node has {} of them", name, wanted,
                          matched));
}

Result<SharingPlan> sharing_plan(const PluginSetup& setup) {
  if (setup.kind == PluginKind::AwsVgpu) {
    if (setup.vgpus < 1 || setup.vgpus > kAwsMostVgpus)
      return fail(fmt::format("--vgpu={} is not between 1 and {}", setup.vgpus, kAwsMostVgpus));
    return aws_plan(setup.vgpus);
  }
  const std::string& version = setup.config.version;
  if (!version.empty() && version != "v1")
    return fail(fmt::format("unknown version {}; write v1", version));
  if (auto mig = check_mig(setup); !mig) return tl::unexpected(mig.error());

  const model::Sharing& sharing = setup.config.sharing;
  const bool mps = sharing.mps.has_value();
  const std::optional<model::ReplicatedResources>& chosen = mps ? sharing.mps : sharing.timeSlicing;
  SharingPlan plan;
  if (!chosen) return plan;
  if (mps && sharing.timeSlicing)
    plan.warnings.emplace_back("sharing has both mps and timeSlicing: timeSlicing is ignored");
  if (chosen->resources.empty())
    return fail(fmt::format("sharing.{} names no resources; write name and replicas",
                            mps ? "mps" : "timeSlicing"));
  plan.replication = mps ? Replication::Mps : Replication::TimeSlicing;
  plan.fail_above_one = chosen->failRequestsGreaterThanOne.value_or(mps);
  plan.renamed = chosen->renameByDefault;
  for (const model::ReplicatedResource& entry : chosen->resources) {
    auto shared = shared_resource(entry, chosen->renameByDefault, setup.kind == PluginKind::Gputide,
                                  plan.warnings);
    if (!shared) return tl::unexpected(shared.error());
    plan.resources.push_back(std::move(*shared));
  }
  return plan;
}

Result<void> check_config(const PluginSetup& setup) {
  auto plan = sharing_plan(setup);
  if (!plan) return tl::unexpected(plan.error());
  return {};
}

}  // namespace gputide::sharing
