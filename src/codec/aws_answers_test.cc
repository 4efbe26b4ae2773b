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
    "ProcessorInfo": {"SupportedArchitectures": ["x86_64"], "Manufacturer": "AMD",
                      "SustainedClockSpeedInGhz": 3.4},
    "EbsInfo": {"EbsOptimizedSupport": "default",
                "EbsOptimizedInfo": {"BaselineBandwidthInMbps": 630, "MaximumBandwidthInMbps": 5000}},
    "VCpuInfo": {"DefaultVCpus": 2}, "MemoryInfo": {"SizeInMiB": 8192},
    "InstanceStorageInfo": {"TotalSizeInGB": 100},
    "GpuInfo": {"Gpus": [{"Name": "L4", "Manufacturer": "NVIDIA", "Count": 0,
                          "MemoryInfo": {"SizeInMiB": 2861}}]},
    "NetworkInfo": {"MaximumNetworkInterfaces": 2, "Ipv4AddressesPerInterface": 10,
      "EncryptionInTransitSupported": true, "DefaultNetworkCardIndex": 0,
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
  EXPECT_EQ(type.local_nvme_gb, 100);
  EXPECT_EQ(type.cpu_maker, "amd");
  EXPECT_EQ(type.cpu_mhz, 3400);
  EXPECT_EQ(type.ebs_mbps, 5000);
  EXPECT_EQ(type.encryption_in_transit, true);
  EXPECT_TRUE(type.current_generation);
  EXPECT_EQ(read_instance_types(R"({"InstanceTypes": [{}]})").error().message,
            "InstanceTypes[0] has no InstanceType, DefaultVCpus or SizeInMiB that can be read");
}

TEST(CapacityReservations, AreReadWhole) {
  const auto list = read_capacity_reservations(R"({"CapacityReservations": [
    {"CapacityReservationId": "cr-2", "OwnerId": "111122223333", "InstanceType": "p5.48xlarge",
     "InstancePlatform": "Linux/UNIX", "AvailabilityZone": "us-west-2a",
     "AvailabilityZoneId": "usw2-az2", "Tenancy": "default", "TotalInstanceCount": 4,
     "AvailableInstanceCount": 2, "State": "active", "StartDate": "2026-01-10T11:30:00+00:00",
     "EndDate": "2026-01-17T11:30:00+00:00", "EndDateType": "limited",
     "InstanceMatchCriteria": "targeted", "ReservationType": "capacity-block",
     "Tags": [{"Key": "team", "Value": "ml"}]},
    {"CapacityReservationId": "cr-1", "InstanceType": "g5.xlarge", "State": "expired",
     "AvailabilityZone": "us-west-2b", "TotalInstanceCount": 1, "AvailableInstanceCount": 0}]})");
  ASSERT_TRUE(list.has_value()) << list.error().message;
  ASSERT_EQ(list->size(), 2u);
  const model::CapacityReservation& plain = (*list)[0];
  EXPECT_EQ(plain.id, "cr-1");
  EXPECT_EQ(plain.type, "default");
  EXPECT_EQ(plain.match_criteria, "open");
  EXPECT_EQ(plain.state, "expired");
  EXPECT_FALSE(plain.end.has_value());
  const model::CapacityReservation& block = (*list)[1];
  EXPECT_TRUE(block.is_capacity_block());
  EXPECT_EQ(block.match_criteria, "targeted");
  EXPECT_EQ(block.total, 4);
  EXPECT_EQ(block.available, 2);
  EXPECT_EQ(block.owner_id, "111122223333");
  EXPECT_EQ(block.tags, (model::StringMap{{"team", "ml"}}));
  EXPECT_EQ(block.end, *Instant::parse_rfc3339("2026-01-17T11:30:00Z"));
}

TEST(CapacityReservations, SayWhatCannotBeRead) {
  const auto error = [](std::string_view json) {
    return read_capacity_reservations(json).error().message;
  };
  EXPECT_EQ(error(R"({"SpotPriceHistory": []})"),
            "there is no list CapacityReservations: this is not what aws ec2 "
            "describe-capacity-reservations prints");
  EXPECT_EQ(error(R"({"CapacityReservations": [{"CapacityReservationId": "cr-1"}]})"),
            "CapacityReservations[0] has no CapacityReservationId, InstanceType, AvailabilityZone "
            "or State that can be read");
  const std::string one = R"({"CapacityReservationId": "cr-1", "InstanceType": "g5.xlarge",
    "AvailabilityZone": "us-west-2b", "State": "active", "TotalInstanceCount": 1,
    "AvailableInstanceCount": )";
  EXPECT_EQ(error(R"({"CapacityReservations": [)" + one + "2}]}"),
            "CapacityReservations[0]: AvailableInstanceCount 2 is not within 0 to "
            "TotalInstanceCount 1");
  EXPECT_EQ(error(R"({"CapacityReservations": [)" + one + "1}, " + one + "1}]}"),
            "CapacityReservations[1] tells of cr-1 a second time");
}

}  // namespace
}  // namespace gputide::codec
