#include "decide/pricing/allocatable.h"

#include <gtest/gtest.h>

#include "decide/pricing/catalogue.h"

namespace gputide::pricing {
namespace {

constexpr std::int64_t kMib = 1024 * 1024;

const model::InstanceType& type(std::string_view name) {
  return *Catalogue::builtin().find(name);
}

TEST(MaxPods, FollowsTheNetworkInterfaces) {
  EXPECT_EQ(max_pods(type("g4dn.xlarge")), 29);
  EXPECT_EQ(max_pods(type("g5.xlarge")), 58);
  EXPECT_EQ(max_pods(type("m5.large")), 29);
  EXPECT_EQ(max_pods(type("t3.micro")), 4);
  EXPECT_EQ(max_pods(type("p4d.24xlarge")), 737);
  EXPECT_EQ(max_pods(type("p5.48xlarge")), 100);
  EXPECT_EQ(max_pods(type("g5.xlarge"), 20), 20);
  EXPECT_EQ(max_pods(model::InstanceType{}), 110);
}

TEST(KubeReserved, TakesLessOfEachFurtherCore) {
  EXPECT_EQ(kube_reserved_cpu_milli(1), 60);
  EXPECT_EQ(kube_reserved_cpu_milli(2), 70);
  EXPECT_EQ(kube_reserved_cpu_milli(4), 80);
  EXPECT_EQ(kube_reserved_cpu_milli(8), 90);
  EXPECT_EQ(kube_reserved_cpu_milli(96), 310);
  EXPECT_EQ(kube_reserved_cpu_milli(192), 550);
}

TEST(KubeReserved, MemoryFollowsThePodsThatInterfacesAllow) {
  EXPECT_EQ(kube_reserved_memory_mib(type("g5.xlarge")), 893);
  EXPECT_EQ(kube_reserved_memory_mib(type("m5.large")), 574);
}

// Bytes that EKS nodes reported (2i2c-org/infrastructure, node-capacity-info.json, 2023).
TEST(Memory, IsWhatMeasuredNodesReport) {
  const auto within = [](std::string_view name, std::int64_t measured) {
    const std::int64_t estimate = estimated_memory_kib(type(name)) * 1024;
    EXPECT_NEAR(static_cast<double>(estimate), static_cast<double>(measured),
                static_cast<double>(measured) * 0.0003)
        << name;
  };
  within("r5.xlarge", 33'164'840'960);
  within("r5.4xlarge", 133'523'050'496);
  within("r5.16xlarge", 535'146'246'144);
}

TEST(NodeSizes, KeepReservesAndEvictionThresholdsFromPods) {
  const auto [capacity, allocatable] = node_sizes(type("g4dn.xlarge"));
  EXPECT_EQ(capacity.cpu_milli - allocatable.cpu_milli, 80);
  EXPECT_EQ(capacity.memory_bytes - allocatable.memory_bytes, (574 + 100) * kMib);
  EXPECT_EQ(capacity.pods, 29);
  EXPECT_EQ(allocatable.pods, 29);
  // What kubelets on AL2023 report with root volumes of 80 and of 20 GiB.
  EXPECT_EQ(capacity.storage_bytes, 83'808'236 * std::int64_t{1024});
  EXPECT_EQ(allocatable.storage_bytes, 76'163'928'346);
  NodeSizing small;
  small.volume_gib = 20;
  EXPECT_EQ(node_sizes(type("m5.large"), small).capacity.storage_bytes,
            20'893'676 * std::int64_t{1024});
  EXPECT_EQ(node_sizes(type("m5.large"), small).allocatable.storage_bytes, 18'181'869'946);
}

TEST(NodeSizes, FollowTheKubeletsConfiguration) {
  const NodeSizes usual = node_sizes(type("g5.xlarge"));
  NodeSizing sizing;
  model::KubeletSettings& kubelet = sizing.kubelet;
  kubelet.kube_reserved["cpu"] = *Quantity::parse("250m");  // memory stays as it is
  kubelet.system_reserved["memory"] = *Quantity::parse("1Gi");
  kubelet.eviction_hard.insert_or_assign("memory.available", "300Mi");
  kubelet.eviction_hard.insert_or_assign("nodefs.available", "25%");
  kubelet.pods_per_core = 5;
  const auto [capacity, allocatable] = node_sizes(type("g5.xlarge"), sizing);
  EXPECT_EQ(capacity.cpu_milli - allocatable.cpu_milli, 250);
  EXPECT_EQ(usual.allocatable.memory_bytes - allocatable.memory_bytes, (1024 + 200) * kMib);
  EXPECT_EQ(capacity.pods, 20);
  EXPECT_EQ(capacity.storage_bytes, usual.capacity.storage_bytes);
  EXPECT_EQ(capacity.storage_bytes - allocatable.storage_bytes,
            1024 * kMib + capacity.storage_bytes / 4);
  kubelet.max_pods = 8;
  EXPECT_EQ(node_sizes(type("g5.xlarge"), sizing).capacity.pods, 8);
  for (const char* none : {"0%", "100%"}) {
    kubelet.eviction_hard.insert_or_assign("nodefs.available", none);
    const NodeSizes sizes = node_sizes(type("g5.xlarge"), sizing);
    EXPECT_EQ(sizes.capacity.storage_bytes - sizes.allocatable.storage_bytes, 1024 * kMib);
  }
}

TEST(NodeSizes, GivePodsTheLocalDisksWhereAskedFor) {
  NodeSizing sizing;
  sizing.pods_on_local_disks = true;
  EXPECT_EQ(node_sizes(type("g5.xlarge"), sizing).capacity.storage_bytes, 250'000'000'000);
  EXPECT_EQ(node_sizes(type("m5.large"), sizing).capacity.storage_bytes,
            node_sizes(type("m5.large")).capacity.storage_bytes);  // it has none
}

TEST(NodeSizes, AreNeverNegative) {
  NodeSizing sizing;
  sizing.volume_gib = 0;
  const NodeSizes none = node_sizes(model::InstanceType{}, sizing);
  EXPECT_EQ(none.allocatable.memory_bytes, 0);
  EXPECT_EQ(none.allocatable.storage_bytes, 0);
}

TEST(NodeSizes, WithKarpentersOverheadAreWhatKarpenterExpects) {
  NodeSizing sizing;
  sizing.vm_overhead_per_10000 = 750;
  const auto allocatable_mib = [&](std::string_view name) {
    return node_sizes(type(name), sizing).allocatable.memory_bytes / kMib;
  };
  EXPECT_EQ(allocatable_mib("g4dn.xlarge"), 14481);
  EXPECT_EQ(allocatable_mib("g4dn.12xlarge"), 178933);
  EXPECT_EQ(allocatable_mib("g5.48xlarge"), 723299);
  EXPECT_EQ(allocatable_mib("m5.large"), 6903);
}

}  // namespace
}  // namespace gputide::pricing
