#include "decide/sharing/offer.h"

#include <gmock/gmock.h>
#include <numeric>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "decide/sharing/device_pool.h"

namespace gputide::sharing {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

model::InstanceType type(std::string_view name, std::int64_t gpus, std::string_view gpu,
                         std::int64_t memory) {
  model::InstanceType made;
  made.name = name;
  made.gpu_count = gpus;
  made.gpu_name = gpu;
  made.gpu_memory_mib = memory;
  made.gpu_maker = "nvidia";
  return made;
}
const model::InstanceType kG4dn = type("g4dn.xlarge", 1, "T4", 16384);
const model::InstanceType kG5x12 = type("g5.12xlarge", 4, "A10G", 22888);
const model::InstanceType kP3 = type("p3.2xlarge", 1, "V100", 16384);
const model::InstanceType kP4d = type("p4d.24xlarge", 8, "A100", 40960);
const model::InstanceType kP5 = type("p5.48xlarge", 8, "H100", 81920);
const model::InstanceType kG7e = type("g7e.2xlarge", 1, "RTX-PRO-6000", 98304);

PluginSetup sliced(std::int32_t replicas, PluginKind kind = PluginKind::Nvidia) {
  PluginSetup setup;
  setup.kind = kind;
  setup.config.sharing.timeSlicing.emplace();
  setup.config.sharing.timeSlicing->resources.push_back(
      {std::string(kNvidiaGpu), "", {}, replicas});
  return setup;
}

PluginSetup mps(std::int32_t replicas, PluginKind kind = PluginKind::Nvidia) {
  PluginSetup setup = sliced(replicas, kind);
  setup.config.sharing.mps = std::move(setup.config.sharing.timeSlicing);
  setup.config.sharing.timeSlicing.reset();
  setup.config.flags.mpsRoot = "/run/nvidia/mps";
  return setup;
}

PluginSetup mig(std::string strategy) {
  PluginSetup setup;
  setup.config.flags.migStrategy = std::move(strategy);
  return setup;
}

std::map<std::string, std::int64_t> counts(const NodeOffer& offer) {
  std::map<std::string, std::int64_t> found;
  for (const auto& [name, amount] : offer.resource_list()) found[name] = amount.value();
  return found;
}

std::string error(const Result<NodeOffer>& result) {
  return result ? "no error" : result.error().message;
}

TEST(Offer, WholeGpus) {
  const NodeOffer node = offer(kG5x12, {}, "i-1").value();
  EXPECT_THAT(counts(node), UnorderedElementsAre(Pair("nvidia.com/gpu", 4)));
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.product"), "NVIDIA-A10G");
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.count"), "4");
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.replicas"), "1");
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.memory"), "23028");
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.family"), "ampere");
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.sharing-strategy"), "none");
  EXPECT_EQ(node.labels.at("nvidia.com/mig.capable"), "false");
  EXPECT_FALSE(node.labels.contains("nvidia.com/mig.strategy"));
}

TEST(Offer, NoGpusIsNothingAndNoError) {
  model::InstanceType none;
  none.name = "m5.large";
  const NodeOffer node = offer(none, sliced(10)).value();
  EXPECT_TRUE(node.resources.empty());
  EXPECT_TRUE(node.labels.empty());
  EXPECT_EQ(node.parts(), 0);
}

// Ten slices of one GPU, five pods that ask for one each: all of them fit on one node.
TEST(Offer, FiveReplicasFitOnOneSlicedGpu) {
  const NodeOffer node = offer(type("g5.xlarge", 1, "A10G", 22888), sliced(10), "i-1").value();
  EXPECT_THAT(counts(node), UnorderedElementsAre(Pair("nvidia.com/gpu", 10)));
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.product"), "NVIDIA-A10G-SHARED");
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.replicas"), "10");
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.sharing-strategy"), "time-slicing");
  DevicePool pool(node.resources.front(), AllocationPolicy::Distributed);
  for (int pod = 0; pod < 5; ++pod) EXPECT_TRUE(pool.take(1).has_value());
  EXPECT_EQ(pool.available(), 5);
  EXPECT_EQ(pool.parts_taken() * 2, node.parts());
}

TEST(Offer, IdsOfReplicasAreTheGpusWithANumber) {
  const NodeOffer node = offer(kG4dn, sliced(3), "i-1").value();
  const ResourceOffer& gpu = node.resources.front();
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(gpu.devices[i].id, gpu.devices[i].hardware + "::" + std::to_string(i));
    EXPECT_THAT(gpu.devices[i].hardware, ::testing::MatchesRegex("GPU-[0-9a-f-]{36}"));
  }
  EXPECT_NE(offer(kG4dn, {}, "i-2")->resources[0].devices[0].id, gpu.devices[0].hardware);
}

TEST(Offer, RenameByDefault) {
  PluginSetup setup = sliced(4);
  setup.config.sharing.timeSlicing->renameByDefault = true;
  const NodeOffer node = offer(kG5x12, setup).value();
  EXPECT_THAT(counts(node), UnorderedElementsAre(Pair("nvidia.com/gpu.shared", 16)));
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.product"), "NVIDIA-A10G");
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.replicas"), "4");
}

TEST(Offer, DevicesAndRenameAreDroppedByNvidiaAndHonouredByUs) {
  PluginSetup setup = sliced(10);
  auto& entry = setup.config.sharing.timeSlicing->resources[0];
  entry.devices.all = false;
  entry.devices.list = {"0"};
  entry.rename = "gpu.slice";
  const NodeOffer theirs = offer(kG5x12, setup).value();
  EXPECT_THAT(counts(theirs), UnorderedElementsAre(Pair("nvidia.com/gpu", 40)));
  EXPECT_EQ(theirs.warnings.size(), 2u);
  setup.kind = PluginKind::Gputide;
  const NodeOffer ours = offer(kG5x12, setup).value();
  EXPECT_THAT(counts(ours),
              UnorderedElementsAre(Pair("nvidia.com/gpu", 3), Pair("nvidia.com/gpu.slice", 10)));
  EXPECT_TRUE(ours.warnings.empty());
  EXPECT_EQ(ours.parts(), 40);
  entry.devices.list = {"7"};
  EXPECT_THAT(error(offer(kG5x12, setup)), HasSubstr("names 1 devices; the node has 0"));
}

TEST(Offer, InputErrors) {
  EXPECT_THAT(error(offer(kG4dn, sliced(1))), HasSubstr("1 replicas; write at least 2"));
  PluginSetup setup = sliced(2);
  setup.config.sharing.timeSlicing->resources.clear();
  EXPECT_THAT(error(offer(kG4dn, setup)), HasSubstr("names no resources"));
  setup = sliced(2);
  setup.config.sharing.timeSlicing->resources[0].name = "nvidia.com/GPU!";
  EXPECT_THAT(error(offer(kG4dn, setup)), HasSubstr("is no resource name"));
  setup = sliced(2);
  setup.config.version = "v2";
  EXPECT_THAT(error(offer(kG4dn, setup)), HasSubstr("unknown version"));
  setup = mps(2);
  setup.config.flags.mpsRoot.reset();
  EXPECT_THAT(error(offer(kG4dn, setup)), HasSubstr("mpsRoot"));
  setup = mps(2);
  setup.config.flags.migStrategy = "mixed";
  EXPECT_THAT(error(offer(kG4dn, setup)), HasSubstr("MPS cannot be used with MIG"));
  setup = mps(2);
  setup.config.flags.migStrategy = "single";
  EXPECT_THAT(error(offer(kP4d, setup, "i-1", "all-1g.5gb")), HasSubstr("MPS cannot share MIG"));
  setup.config.flags.migStrategy = "many";
  EXPECT_THAT(error(offer(kG4dn, setup)), HasSubstr("unknown MIG strategy"));
}

// A name that fits no device is skipped by the plugin: the GPUs stay whole.
TEST(Offer, AnUnknownResourceReplicatesNothing) {
  PluginSetup setup = sliced(4);
  setup.config.sharing.timeSlicing->resources[0].name = "nvidia.com/mig-1g.5gb";
  const NodeOffer node = offer(kG4dn, setup).value();
  EXPECT_THAT(counts(node), UnorderedElementsAre(Pair("nvidia.com/gpu", 1)));
  EXPECT_EQ(node.warnings.size(), 1u);
}

TEST(Offer, MpsLimitsEachClient) {
  const NodeOffer node = offer(kG4dn, mps(10), "i-1").value();
  const ResourceOffer& gpu = node.resources.front();
  EXPECT_EQ(gpu.devices.size(), 10u);
  EXPECT_EQ(gpu.devices[0].limits->memory_mib, 1536);
  EXPECT_EQ(gpu.devices[0].limits->thread_percentage, 10);
  EXPECT_TRUE(gpu.fail_above_one);
  EXPECT_TRUE(node.needs_mps_daemon);
  EXPECT_EQ(node.labels.at("nvidia.com/mps.capable"), "true");
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.sharing-strategy"), "mps");
  PluginSetup old = mps(10);
  old.cuda_major = 11;
  old.cuda_minor = 4;
  EXPECT_EQ(offer(kG4dn, old)->resources[0].devices[0].limits->memory_mib, 0);
  PluginSetup lax = mps(10);
  lax.config.sharing.mps->failRequestsGreaterThanOne = false;
  EXPECT_FALSE(offer(kG4dn, lax)->resources[0].fail_above_one);
}

TEST(Offer, MpsClientsByArchitectureAndCuda) {
  EXPECT_TRUE(offer(kG4dn, mps(48)).has_value());
  EXPECT_THAT(error(offer(kG4dn, mps(49))), HasSubstr("takes 48 clients, not 49"));
  // Volta takes 48; NVIDIA's plugin allows 16 there.
  EXPECT_THAT(error(offer(kP3, mps(17))), HasSubstr("takes 16 clients"));
  EXPECT_TRUE(offer(kP3, mps(48, PluginKind::Gputide)).has_value());
  PluginSetup newer = mps(60, PluginKind::Gputide);
  newer.cuda_major = 13;
  newer.cuda_minor = 1;
  EXPECT_TRUE(offer(kG4dn, newer).has_value());
  EXPECT_FALSE(offer(type("p2.xlarge", 1, "K80", 12288), newer).has_value());
}

TEST(Offer, MpsWinsOverTimeSlicing) {
  PluginSetup setup = mps(4);
  setup.config.sharing.timeSlicing = sliced(8).config.sharing.timeSlicing;
  const NodeOffer node = offer(kG4dn, setup).value();
  EXPECT_THAT(counts(node), UnorderedElementsAre(Pair("nvidia.com/gpu", 4)));
  EXPECT_EQ(node.warnings.size(), 1u);
}

// 48 virtual GPUs; a service that caps itself at 20 % of the memory takes 10 of them: 4 fit.
TEST(Offer, VirtualGpusOfTheAwsPlugin) {
  PluginSetup setup;
  setup.kind = PluginKind::AwsVgpu;
  setup.vgpus = 48;
  const NodeOffer node = offer(kG4dn, setup, "i-1").value();
  EXPECT_THAT(counts(node), UnorderedElementsAre(Pair("k8s.amazonaws.com/vgpu", 48)));
  EXPECT_TRUE(node.labels.empty());
  const ResourceOffer& vgpu = node.resources.front();
  EXPECT_EQ(vgpu.devices[47].id, vgpu.devices[47].hardware + "-47");
  const std::int64_t slots = slots_for(20, 100, 48);
  EXPECT_EQ(slots, 10);
  DevicePool pool(vgpu, AllocationPolicy::Distributed);
  int pods = 0;
  while (pool.take(slots)) ++pods;
  EXPECT_EQ(pods, 4);
  EXPECT_EQ(pool.available(), 8);
  setup.vgpus = 49;
  EXPECT_THAT(error(offer(kG4dn, setup)), HasSubstr("between 1 and 48"));
}

TEST(Offer, MigSingleCountsInstancesAsGpus) {
  const NodeOffer node = offer(kP4d, mig("single"), "i-1", "all-1g.5gb").value();
  EXPECT_THAT(counts(node), UnorderedElementsAre(Pair("nvidia.com/gpu", 56)));
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.product"), "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb");
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.count"), "56");
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.slices.gi"), "1");
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.multiprocessors"), "14");
  EXPECT_EQ(node.labels.at("nvidia.com/mig.strategy"), "single");
  EXPECT_EQ(node.parts(), 56);
}

TEST(Offer, MigMixedNamesProfiles) {
  const NodeOffer node = offer(kP5, mig("mixed"), "i-1", "all-balanced").value();
  EXPECT_THAT(counts(node), UnorderedElementsAre(Pair("nvidia.com/mig-1g.10gb", 16),
                                                 Pair("nvidia.com/mig-2g.20gb", 8),
                                                 Pair("nvidia.com/mig-3g.40gb", 8)));
  EXPECT_EQ(node.labels.at("nvidia.com/mig-3g.40gb.count"), "8");
  EXPECT_EQ(node.labels.at("nvidia.com/mig-3g.40gb.product"), "NVIDIA-H100-80GB-HBM3-MIG-3g.40gb");
  EXPECT_EQ(node.labels.at("nvidia.com/gpu.count"), "8");
  EXPECT_EQ(node.find("nvidia.com/mig-3g.40gb")->devices[0].parts, 3);
  const NodeOffer media = offer(kP5, mig("mixed"), "i-1", "all-1g.10gb.me").value();
  EXPECT_THAT(counts(media), UnorderedElementsAre(Pair("nvidia.com/mig-1g.10gb.me", 8)));
}

TEST(Offer, MigDevicesCanBeTimeSliced) {
  PluginSetup setup = sliced(2);
  setup.config.flags.migStrategy = "mixed";
  setup.config.sharing.timeSlicing->resources[0].name = "nvidia.com/mig-3g.20gb";
  const NodeOffer node = offer(kP4d, setup, "i-1", "all-3g.20gb").value();
  EXPECT_THAT(counts(node), UnorderedElementsAre(Pair("nvidia.com/mig-3g.20gb", 32)));
  EXPECT_EQ(node.labels.at("nvidia.com/mig-3g.20gb.product"),
            "NVIDIA-A100-SXM4-40GB-MIG-3g.20gb-SHARED");
  EXPECT_EQ(node.parts_per_gpu, 14);
  EXPECT_EQ(node.resources[0].devices[0].parts, 3);
}

TEST(Offer, MigNoneIgnoresInstances) {
  EXPECT_THAT(counts(offer(kP4d, {}, "i-1", "all-1g.5gb").value()),
              UnorderedElementsAre(Pair("nvidia.com/gpu", 8)));
}

TEST(Offer, InvalidMigStates) {
  std::vector<Gpu> gpus = gpus_of(kP4d, "i-1");
  ASSERT_TRUE(apply_mig(gpus[0], {true, {"3g.20gb"}}));
  EXPECT_THAT(error(offer(gpus, mig("single"))), HasSubstr("all GPUs of a node must have MIG"));
  EXPECT_EQ(feature_labels(gpus, mig("single")).at("nvidia.com/gpu.product"),
            "NVIDIA-A100-SXM4-40GB-MIG-INVALID");
  EXPECT_EQ(feature_labels(gpus, mig("single")).at("nvidia.com/gpu.count"), "0");
  EXPECT_THAT(counts(offer(gpus, mig("mixed")).value()),
              UnorderedElementsAre(Pair("nvidia.com/gpu", 7), Pair("nvidia.com/mig-3g.20gb", 1)));
  for (Gpu& gpu : gpus) ASSERT_TRUE(apply_mig(gpu, {true, {"3g.20gb", "2g.10gb"}}));
  EXPECT_THAT(error(offer(gpus, mig("single"))), HasSubstr("must be equal"));
  for (Gpu& gpu : gpus) ASSERT_TRUE(apply_mig(gpu, {true, {}}));
  EXPECT_THAT(error(offer(gpus, mig("mixed"))), HasSubstr("no MIG devices"));
  EXPECT_THAT(error(offer(kG4dn, mig("single"), "i-1", "all-1g.5gb")), HasSubstr("has no MIG"));
}

TEST(Offer, MigPlacements) {
  const auto count = [](const model::InstanceType& of, const std::string& layout) {
    return offer(of, mig("single"), "i-1", layout)->resources[0].devices.size() /
           static_cast<std::size_t>(of.gpu_count);
  };
  EXPECT_EQ(count(kP4d, "all-1g.5gb"), 7u);
  EXPECT_EQ(count(kP4d, "all-1g.10gb"), 4u);
  EXPECT_EQ(count(kP4d, "all-2g.10gb"), 3u);
  EXPECT_EQ(count(kP4d, "all-3g.20gb"), 2u);
  EXPECT_EQ(count(kP4d, "all-4g.20gb"), 1u);
  EXPECT_EQ(count(kP4d, "all-7g.40gb"), 1u);
  EXPECT_EQ(count(kG7e, "all-1g.24gb"), 4u);
  EXPECT_EQ(count(kG7e, "all-2g.48gb"), 2u);
  EXPECT_EQ(count(type("g7.2xlarge", 1, "RTX-PRO-4500", 32768), "all-1g.16gb"), 2u);
  Gpu gpu = gpus_of(kP4d, "i-1")[0];
  EXPECT_FALSE(apply_mig(gpu, {true, {"4g.20gb", "4g.20gb"}}).has_value());
  EXPECT_TRUE(apply_mig(gpu, {true, {"4g.20gb", "3g.20gb"}}).has_value());
  EXPECT_FALSE(apply_mig(gpu, {true, {"1g.5gb+me", "1g.5gb+me"}}).has_value());
  EXPECT_FALSE(apply_mig(gpu, {true, {"9g.90gb"}}).has_value());
}

TEST(Offer, PriceOfASlice) {
  const NodeOffer node = offer(kG4dn, sliced(10), "i-1").value();
  const auto price = [](Money of_node, const NodeOffer& offered) {
    return device_price(of_node, {offered.resources[0].devices[0].parts, offered.parts()});
  };
  EXPECT_EQ(price(Money::micros(526'000), node), Money::micros(52'600));
  const NodeOffer cut = offer(kP4d, mig("mixed"), "i-1", "all-3g.20gb").value();
  EXPECT_EQ(price(Money::dollars(56), cut), Money::dollars(3));
}

RC_GTEST_PROP(OfferLaws, PartsIdsAndRename, ()) {
  const auto replicas = *rc::gen::inRange<std::int32_t>(2, 49);
  const auto gpus = *rc::gen::inRange<std::int64_t>(1, 9);
  const bool rename = *rc::gen::arbitrary<bool>();
  const bool by_mps = *rc::gen::arbitrary<bool>();
  PluginSetup setup = by_mps ? mps(replicas) : sliced(replicas);
  (by_mps ? setup.config.sharing.mps : setup.config.sharing.timeSlicing)->renameByDefault = rename;
  const NodeOffer node = offer(type("t", gpus, "T4", 16384), setup, "i-1").value();
  RC_ASSERT(node.resources.size() == 1u);
  const ResourceOffer& only = node.resources.front();
  RC_ASSERT(only.name == (rename ? "nvidia.com/gpu.shared" : "nvidia.com/gpu"));
  RC_ASSERT(static_cast<std::int64_t>(only.devices.size()) == gpus * replicas);
  RC_ASSERT(node.labels.at("nvidia.com/gpu.product").ends_with("-SHARED") == !rename);
  std::set<std::string> ids;
  std::int64_t parts = 0;
  for (const Device& device : only.devices) {
    ids.insert(device.id);
    parts += device.parts;
  }
  RC_ASSERT(ids.size() == only.devices.size());
  RC_ASSERT(parts == node.parts());
}

RC_GTEST_PROP(OfferLaws, PoolsNeverGiveTwiceAndPreferAsToldTo, ()) {
  const bool packed = *rc::gen::arbitrary<bool>();
  const NodeOffer node = offer(kG5x12, sliced(4), "i-1").value();
  DevicePool pool(node.resources.front(),
                  packed ? AllocationPolicy::Packed : AllocationPolicy::Distributed);
  std::vector<std::vector<std::uint32_t>> held;
  std::set<std::uint32_t> out;
  for (const bool take : *rc::gen::container<std::vector<bool>>(rc::gen::arbitrary<bool>())) {
    if (take) {
      const auto given = pool.take(1);
      RC_ASSERT(given.has_value() == (out.size() < 16));
      if (!given) continue;
      RC_ASSERT(out.insert(given->front()).second);
      held.push_back(*given);
    } else if (!held.empty()) {
      for (const std::uint32_t i : held.back()) out.erase(i);
      pool.give_back(held.back());
      held.pop_back();
    }
    RC_ASSERT(pool.available() == 16 - static_cast<std::int64_t>(out.size()));
  }
}

TEST(DevicePool, DistributedSpreadsAndPackedFills) {
  const NodeOffer node = offer(kG5x12, sliced(4), "i-1").value();
  for (const bool packed : {false, true}) {
    DevicePool pool(node.resources.front(),
                    packed ? AllocationPolicy::Packed : AllocationPolicy::Distributed);
    std::set<std::uint32_t> gpus;
    for (int i = 0; i < 4; ++i)
      gpus.insert(node.resources.front().devices[pool.take(1)->front()].gpu);
    EXPECT_EQ(gpus.size(), packed ? 1u : 4u);
  }
}

TEST(DevicePool, RefusesAsThePluginDoes) {
  PluginSetup setup = sliced(4);
  setup.config.sharing.timeSlicing->failRequestsGreaterThanOne = true;
  DevicePool pool(offer(kG4dn, setup)->resources.front(), AllocationPolicy::Distributed);
  EXPECT_THAT(pool.take(2).error().message, HasSubstr("gives 1 replica"));
  EXPECT_THAT(pool.take(5).error().message, HasSubstr("4 are free"));
  EXPECT_EQ(pool.available(), 4);
}

}  // namespace
}  // namespace gputide::sharing
