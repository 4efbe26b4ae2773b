#include "decide/sharing/offer.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "decide/sharing/replication.h"

namespace gputide::sharing {
namespace {

/// A GPU or MIG device before it is replicated, under the resource that it belongs to.
struct Hardware {
  std::string id;
  std::string index;  // "0", or "0:1" for a MIG device
  std::uint32_t gpu = 0;
  std::int64_t memory_mib = 0;
  std::int64_t slices = 0;  // of slices_per_gpu
  bool mig = false;
};

using Pools = std::map<std::string, std::vector<Hardware>>;

std::string mig_resource(std::string_view profile) {
  std::string name = fmt::format("nvidia.com/mig-{}", profile);
  std::replace(name.begin(), name.end(), '+', '.');
  return name;
}

int slices_of(const Gpu& gpu) {
  const MigGpu* kind = mig_of(gpu.product);
  return kind == nullptr ? 1 : kind->slices;
}

Hardware whole(const Gpu& gpu, std::uint32_t index) {
  return {gpu.uuid, std::to_string(index), index, gpu.memory_mib, slices_of(gpu), false};
}

/// The MIG devices of a GPU by resource. Errors: MIG is on and nothing was made.
Result<void> add_mig(const Gpu& gpu, std::uint32_t index, bool single, Pools& pools) {
  if (gpu.mig.empty()) return fail(fmt::format("GPU {} has MIG enabled and no MIG devices", index));
  const MigGpu* kind = mig_of(gpu.product);
  GPUTIDE_CHECK(kind != nullptr);
  for (std::size_t i = 0; i < gpu.mig.size(); ++i) {
    const MigDevice& device = gpu.mig[i];
    const MigProfile* profile = kind->find(device.profile);
    GPUTIDE_CHECK(profile != nullptr);
    const std::string name = single ? std::string(kNvidiaGpu) : mig_resource(device.profile);
    pools[name].push_back({device.uuid, fmt::format("{}:{}", index, i), index,
                           gpu.memory_mib * profile->memory_slices / kind->memory_slices,
                           profile->slices, true});
  }
  return {};
}

/// What there is by resource, before replication. Errors: a MIG state that the strategy rules out.
Result<Pools> pools_of(std::span<const Gpu> gpus, const std::string& strategy) {
  Pools pools;
  const bool none = strategy.empty() || strategy == "none";
  const bool single = strategy == "single";
  std::size_t cut = 0;
  const std::string* profile = nullptr;
  for (std::uint32_t i = 0; i < gpus.size(); ++i) {
    if (none || !gpus[i].mig_enabled) {
      pools[std::string(kNvidiaGpu)].push_back(whole(gpus[i], i));
      continue;
    }
    ++cut;
    if (auto added = add_mig(gpus[i], i, single, pools); !added)
      return tl::unexpected(added.error());
    for (const MigDevice& device : gpus[i].mig) {
      if (single && profile != nullptr && *profile != device.profile)
        return fail(
            fmt::format("with MIG strategy single all MIG devices of a node must be equal; this "
                        "one has {} and {}",
                        *profile, device.profile));
      profile = &device.profile;
    }
  }
  if (single && cut != 0 && cut != gpus.size())
    return fail(
        fmt::format("with MIG strategy single all GPUs of a node must have MIG enabled, or none; "
                    "here {} of {} have",
                    cut, gpus.size()));
  return pools;
}

struct Replicator {
  std::span<const Gpu> gpus;
  const PluginSetup& setup;
  const SharingPlan& plan;
  std::int64_t parts_per_gpu;
  NodeOffer& offer;

  ResourceOffer& resource(const std::string& name) {
    for (ResourceOffer& one : offer.resources)
      if (one.name == name) return one;
    offer.resources.emplace_back().name = name;
    return offer.resources.back();
  }

  std::int64_t parts(const Hardware& hardware, std::int64_t replicas) const {
    return parts_per_gpu * hardware.slices / slices_of(gpus[hardware.gpu]) / replicas;
  }

  void add_plain(const std::string& name, const Hardware& hardware) {
    resource(name).devices.push_back(
        {hardware.id, hardware.id, hardware.gpu, parts(hardware, 1), std::nullopt});
  }

  Result<void> check_mps(const Hardware& hardware, std::int64_t replicas) const {
    if (hardware.mig)
      return fail("MPS cannot share MIG devices; use timeSlicing, or leave MIG off");
    const std::int64_t most = mps_clients(gpus[hardware.gpu], setup);
    if (replicas <= most) return {};
    return fail(fmt::format("an MPS server of a {} takes {} clients, not {}",
                            gpus[hardware.gpu].product, most, replicas));
  }

  Result<void> add_replicas(const SharedResource& shared, const Hardware& hardware) {
    std::optional<MpsLimits> limits;
    if (plan.replication == Replication::Mps) {
      if (auto fits = check_mps(hardware, shared.replicas); !fits) return fits;
      limits = MpsLimits{hardware.memory_mib / shared.replicas, 100 / shared.replicas};
      if (setup.cuda_major < 11 || (setup.cuda_major == 11 && setup.cuda_minor < 5))
        limits->memory_mib = 0;
    }
    ResourceOffer& into = resource(shared.offered_name);
    into.replication = plan.replication;
    into.replicas = std::max(into.replicas, shared.replicas);
    into.fail_above_one = plan.fail_above_one;
    const std::string_view separator = setup.kind == PluginKind::AwsVgpu ? "-" : "::";
    for (std::int64_t n = 0; n < shared.replicas; ++n)
      into.devices.push_back({fmt::format("{}{}{}", hardware.id, separator, n), hardware.id,
                              hardware.gpu, parts(hardware, shared.replicas), limits});
    return {};
  }
};

/// The smallest number of parts that every device is a whole number of.
std::int64_t common_parts(std::span<const Gpu> gpus, const SharingPlan& plan) {
  std::int64_t parts = 1;
  for (const Gpu& gpu : gpus)
    if (gpu.mig_enabled) parts = std::lcm(parts, std::int64_t{slices_of(gpu)});
  std::int64_t replicas = 1;
  for (const SharedResource& shared : plan.resources)
    replicas = std::lcm(replicas, shared.replicas);
  return parts * replicas;
}

Result<void> replicate(const Pools& pools, Replicator& into) {
  std::map<std::string, std::vector<bool>> done;
  for (const auto& [name, hardware] : pools) done[name].resize(hardware.size());
  for (const SharedResource& shared : into.plan.resources) {
    const auto pool = pools.find(shared.name);
    if (pool == pools.end()) {
      if (into.gpus.empty()) continue;
      into.offer.warnings.push_back(
          fmt::format("sharing names {}, which this node does not have", shared.name));
      continue;
    }
    std::size_t matched = 0;
    for (std::size_t i = 0; i < pool->second.size(); ++i) {
      const Hardware& hardware = pool->second[i];
      if (!shared.takes(hardware.id, hardware.index, matched) || done[shared.name][i]) continue;
      ++matched;
      done[shared.name][i] = true;
      if (auto added = into.add_replicas(shared, hardware); !added) return added;
    }
    if (auto all = shared.found(matched); !all && !into.gpus.empty()) return all;
  }
  for (const auto& [name, hardware] : pools)
    for (std::size_t i = 0; i < hardware.size(); ++i)
      if (!done[name][i]) into.add_plain(name, hardware[i]);
  return {};
}

}  // namespace

const ResourceOffer* NodeOffer::find(std::string_view resource) const {
  for (const ResourceOffer& one : resources)
    if (one.name == resource) return &one;
  return nullptr;
}

model::ResourceList NodeOffer::resource_list() const {
  model::ResourceList list;
  for (const ResourceOffer& one : resources)
    list[one.name] = Quantity::from_value(static_cast<std::int64_t>(one.devices.size()));
  return list;
}

Result<NodeOffer> offer(std::span<const Gpu> gpus, const PluginSetup& setup) {
  auto plan = sharing_plan(setup);
  if (!plan) return tl::unexpected(plan.error());
  const bool aws = setup.kind == PluginKind::AwsVgpu;
  auto pools =
      pools_of(gpus, aws ? std::string() : setup.config.flags.migStrategy.value_or("none"));
  if (!pools) return tl::unexpected(pools.error());

  NodeOffer node;
  node.warnings = plan->warnings;
  node.gpus = static_cast<std::int64_t>(gpus.size());
  node.parts_per_gpu = common_parts(gpus, *plan);
  node.needs_mps_daemon = plan->replication == Replication::Mps && setup.kind == PluginKind::Nvidia;
  if (!aws) node.labels = feature_labels(gpus, setup);
  Replicator into{gpus, setup, *plan, node.parts_per_gpu, node};
  if (auto done = replicate(*pools, into); !done) return tl::unexpected(done.error());
  std::sort(node.resources.begin(), node.resources.end(),
            [](const ResourceOffer& a, const ResourceOffer& b) { return a.name < b.name; });
  return node;
}

Result<NodeOffer> offer(const model::InstanceType& type, const PluginSetup& setup,
                        std::string_view machine, std::string_view mig_config) {
  std::vector<Gpu> gpus = gpus_of(type, machine);
  if (!mig_config.empty()) {
    for (Gpu& gpu : gpus) {
      const auto layout = mig_layout(gpu.product, mig_config);
      if (!layout) return tl::unexpected(layout.error());
      if (auto cut = apply_mig(gpu, *layout); !cut) return tl::unexpected(cut.error());
    }
  }
  return offer(gpus, setup);
}

std::int64_t mps_clients(const Gpu& gpu, const PluginSetup& setup) {
  const bool ours = setup.kind == PluginKind::Gputide;
  if (!gpu.compute_at_least(7, ours ? 0 : 5)) return 16;
  const bool more = setup.cuda_major > 13 || (setup.cuda_major == 13 && setup.cuda_minor >= 1);
  return ours && more ? 60 : 48;
}

Money device_price(Money node_price, const DeviceShare& share) {
  GPUTIDE_CHECK(share.of > 0 && share.parts <= share.of && node_price >= Money());
  const __int128 doubled = static_cast<__int128>(node_price.micros()) * share.parts * 2 + share.of;
  return Money::micros(static_cast<std::int64_t>(doubled / (static_cast<__int128>(share.of) * 2)));
}

std::int64_t slots_for(std::int64_t numerator, std::int64_t denominator, std::int64_t slots) {
  GPUTIDE_CHECK(numerator >= 0 && denominator > 0 && slots > 0);
  return (numerator * slots + denominator - 1) / denominator;
}

}  // namespace gputide::sharing
