#include "codec/aws_answers.h"

#include <gtest/gtest.h>

namespace gputide::codec {
namespace {

TEST(SpotPrices, TakeTheNewestPriceOfLinux) {
  const auto prices = read_spot_prices(R"({"SpotPriceHistory": [
    {"AvailabilityZone": "us-west-2b", "InstanceType": "g5.xlarge", "ProductDescription": "Linux/UNIX",
     "SpotPrice": "0.412300", "Timestamp": "2026-08-01T10:00:00+00:00"},
    {"AvailabilityZone": "us-west-2b", "InstanceType": "g5.xlarge", "ProductDescription": "Linux/UNIX",
     "SpotPrice": "0.400000", "Timestamp": "2026-07-01T10:00:00+00:00"},
    {"AvailabilityZone": "us-west-2a", "InstanceType": "g5.xlarge", "ProductDescription": "Windows",
     "SpotPrice": "0.9", "Timestamp": "2026-08-01T10:00:00+00:00"}]})");
  ASSERT_TRUE(prices.has_value());
  ASSERT_EQ(prices->size(), 1u);
  EXPECT_EQ((*prices)[0].zone, "us-west-2b");
  EXPECT_EQ((*prices)[0].per_hour, Money::micros(412'300));
}

TEST(SpotPrices, SayWhatCannotBeRead) {
  EXPECT_EQ(
      read_spot_prices("{}").error().message,
      "there is no list SpotPriceHistory: this is not what aws ec2 describe-spot-price-history "
      "prints");
  EXPECT_FALSE(read_spot_prices("[").has_value());
  EXPECT_EQ(
      read_spot_prices(R"({"SpotPriceHistory": [{"InstanceType": "a"}]})").error().message,
      "SpotPriceHistory[0] has no AvailabilityZone, InstanceType or SpotPrice that can be read");
}

TEST(InstanceTypes, AreReadAsTheCatalogueHasThem) {
  const auto list = read_instance_types(R"({"InstanceTypes": [{
    "InstanceType": "g6f.large", "CurrentGeneration": true, "Hypervisor": "nitro", "BareMetal": false,
    "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
    "VCpuInfo": {"DefaultVCpus": 2}, "MemoryInfo": {"SizeInMiB": 8192},
    "InstanceStorageInfo": {"TotalSizeInGB": 100},
    "GpuInfo": {"Gpus": [{"Name": "L4", "Manufacturer": "NVIDIA", "Count": 0,
                          "MemoryInfo": {"SizeInMiB": 2861}}]},
    "NetworkInfo": {"MaximumNetworkInterfaces": 2, "Ipv4AddressesPerInterface": 10,
      "DefaultNetworkCardIndex": 0,
      "NetworkCards": [{"MaximumNetworkInterfaces": 2, "BaselineBandwidthInGbps": 1.5}]}}]})");
  ASSERT_TRUE(list.has_value()) << list.error().message;
  ASSERT_EQ((*list)->types.size(), 1u);
  const model::InstanceType& type = (*list)->types[0];
  EXPECT_EQ(type.name, "g6f.large");
  EXPECT_EQ(type.arch, "amd64");
  EXPECT_EQ(type.gpu_eighths, 1);
  EXPECT_EQ(type.gpu_maker, "nvidia");
  EXPECT_TRUE(type.has_nvidia());
  EXPECT_EQ(type.eni_max_pods(), 20);
  EXPECT_EQ(type.network_mbps, 1500);
  EXPECT_EQ(type.local_nvme_gib, 93);
  EXPECT_TRUE(type.current_generation);
  EXPECT_EQ(read_instance_types(R"({"InstanceTypes": [{}]})").error().message,
            "InstanceTypes[0] has no InstanceType, DefaultVCpus or SizeInMiB that can be read");
}

}  // namespace
}  // namespace gputide::codec
