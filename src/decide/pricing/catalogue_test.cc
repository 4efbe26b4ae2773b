#include "decide/pricing/catalogue.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "decide/pricing/tables.h"

namespace gputide::pricing {
namespace {

using model::InstanceType;
using model::Market;

const Catalogue& builtin() {
  return Catalogue::builtin();
}

TEST(Catalogue, KnowsEveryTypeInByteOrder) {
  const auto types = builtin().all();
  EXPECT_EQ(types.size(), 1391U);
  EXPECT_TRUE(std::is_sorted(types.begin(), types.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
}

TEST(Catalogue, KnowsTheGpusOfAType) {
  const InstanceType* type = builtin().find("g4dn.xlarge");
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(type->arch, "amd64");
  EXPECT_EQ(type->vcpu, 4);
  EXPECT_EQ(type->memory_mib, 16384);
  EXPECT_EQ(type->gpu_name, "T4");
  EXPECT_EQ(type->gpu_maker, "nvidia");
  EXPECT_EQ(type->visible_gpus(), 1);
  EXPECT_EQ(type->gpu_memory_mib, 16384);
  EXPECT_EQ(type->local_nvme_gb, 125);
  EXPECT_EQ(type->family(), "g4dn");
  EXPECT_EQ(type->size(), "xlarge");
  EXPECT_TRUE(type->has_nvidia());
}

TEST(Catalogue, CountsAFractionOfAGpuAsOneThatADriverSees) {
  const InstanceType* type = builtin().find("g6f.xlarge");
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(type->gpu_count, 0);
  EXPECT_EQ(type->gpu_eighths, 1);
  EXPECT_EQ(type->visible_gpus(), 1);
  EXPECT_TRUE(type->has_nvidia());
}

TEST(Catalogue, TellsMakersApart) {
  EXPECT_EQ(builtin().find("g4ad.xlarge")->gpu_maker, "amd");
  EXPECT_FALSE(builtin().find("g4ad.xlarge")->has_nvidia());
  EXPECT_EQ(builtin().find("m5.large")->visible_gpus(), 0);
}

TEST(Catalogue, KnowsRetiredTypes) {
  EXPECT_EQ(builtin().find("p2.xlarge")->status, InstanceType::Status::Retired);
  EXPECT_FALSE(builtin().offered("us-east-1", "p2.xlarge"));
  EXPECT_TRUE(builtin().offered("us-east-1", "g4dn.xlarge"));
}

TEST(Catalogue, NamesTheNearestTypeWhenOneIsMisspelt) {
  const auto missing = builtin().get("g4dm.xlarge");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message,
            "there is no instance type \"g4dm.xlarge\"; did you mean g4dn.xlarge?");
  EXPECT_EQ(builtin().find(""), nullptr);
}

TEST(Prices, AreListedForTheHomeRegion) {
  const auto price = builtin().on_demand("us-east-1", "g4dn.xlarge");
  ASSERT_TRUE(price);
  EXPECT_EQ(price->per_hour, Money::micros(526'000));
  EXPECT_EQ(price->basis, PriceBasis::Listed);
  EXPECT_FALSE(price->estimated());
  EXPECT_EQ(builtin().on_demand("us-east-1", "p4d.24xlarge")->per_hour, Money::micros(21'957'642));
}

TEST(Prices, OfUsWest2AreThoseOfUsEast1AndSaySo) {
  const auto price = builtin().on_demand("us-west-2", "g6e.xlarge");
  ASSERT_TRUE(price);
  EXPECT_EQ(price->basis, PriceBasis::EqualRegion);
  EXPECT_TRUE(price->estimated());
  EXPECT_EQ(price->per_hour, builtin().on_demand("us-east-1", "g6e.xlarge")->per_hour);
}

TEST(Prices, SayWhatIsNotKnown) {
  EXPECT_EQ(builtin().price("us-esat-1", "g4dn.xlarge", Market::OnDemand).error().message,
            "no prices are known for the region \"us-esat-1\"; did you mean us-east-1?");
  EXPECT_FALSE(builtin().on_demand("cn-north-1", "g4dn.xlarge"));
}

TEST(Prices, OfSpotAreTheAverageSavingOffOnDemand) {
  // The Spot Instance Advisor's saving for g4dn.xlarge in us-east-1 is 64 %.
  const auto price = builtin().spot("us-east-1", "us-east-1a", "g4dn.xlarge");
  ASSERT_TRUE(price);
  EXPECT_EQ(price->basis, PriceBasis::SpotAverage);
  EXPECT_EQ(price->per_hour, Money::micros(189'360));
}

TEST(Prices, OfSpotAreNeverAboveOnDemand) {
  for (const std::string_view region : builtin().regions())
    for (const InstanceType& type : builtin().all())
      if (const auto spot = builtin().spot(region, {}, type.name)) {
        EXPECT_LE(spot->per_hour, builtin().on_demand(region, type.name)->per_hour)
            << region << ' ' << type.name;
        EXPECT_GT(spot->per_hour, Money()) << region << ' ' << type.name;
      }
}

TEST(Prices, ThatAreGivenReplaceWhatIsBuiltIn) {
  const Catalogue told = builtin()
                             .with_on_demand("us-east-1", "g4dn.xlarge", Money::micros(500'000))
                             .with_spot("us-east-1a", "g4dn.xlarge", Money::micros(300'000))
                             .with_spot("us-east-1b", "g4dn.xlarge", Money::micros(200'000));
  EXPECT_EQ(*told.price("us-east-1", "g4dn.xlarge", Market::OnDemand), Money::micros(500'000));
  EXPECT_EQ(*told.spot_price("us-east-1", "us-east-1a", "g4dn.xlarge"), Money::micros(300'000));
  EXPECT_EQ(*told.price("us-east-1", "g4dn.xlarge", Market::Spot), Money::micros(200'000));
  EXPECT_EQ(told.spot("us-west-2", "us-west-2a", "g4dn.xlarge")->basis, PriceBasis::SpotAverage);
  EXPECT_EQ(*builtin().price("us-east-1", "g4dn.xlarge", Market::OnDemand), Money::micros(526'000));
}

TEST(Replacements, OfARetiredGpuTypeHaveAsManyGpusAndAsMuchGpuMemory) {
  const auto found = builtin().replacements("us-west-2", "p2.xlarge");
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.front().type->name, "g4dn.xlarge");
  EXPECT_TRUE(found.front().less_memory);
  const Money limit = builtin().on_demand("us-west-2", "p2.xlarge")->per_hour;
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_GE(found[i].type->gpu_memory_mib, 11'000) << found[i].type->name;
    EXPECT_EQ(found[i].type->arch, "amd64");
    EXPECT_LE(found[i].price.per_hour.micros() * 4, limit.micros() * 5);
    if (i > 0) EXPECT_LE(found[i - 1].price.per_hour, found[i].price.per_hour);
  }
}

TEST(Replacements, OfOtherTypesAreNotSmaller) {
  for (const Replacement& found : builtin().replacements("us-east-1", "m4.large")) {
    EXPECT_GE(found.type->vcpu, 2);
    EXPECT_GE(found.type->memory_mib, 8192);
    EXPECT_EQ(found.type->visible_gpus(), 0);
  }
  EXPECT_TRUE(builtin().replacements("us-east-1", "no.such").empty());
}

TEST(Catalogue, TakesTypesThatAwsToldOf) {
  auto told = std::make_shared<model::InstanceTypeList>();
  model::InstanceType fresh;
  fresh.name = told->keep("zz9.large");
  fresh.arch = "amd64";
  fresh.vcpu = 2;
  fresh.memory_mib = 4096;
  model::InstanceType replaced = *builtin().find("m5.large");
  replaced.vcpu = 3;
  told->types = {fresh, replaced};
  const Catalogue catalogue = builtin().with_types(told);
  told.reset();
  EXPECT_EQ(catalogue.all().size(), builtin().all().size() + 1);
  EXPECT_EQ(catalogue.find("zz9.large")->vcpu, 2);
  EXPECT_EQ(catalogue.find("m5.large")->vcpu, 3);
  EXPECT_EQ(builtin().find("m5.large")->vcpu, 2);
  EXPECT_EQ(catalogue.on_demand("us-east-1", "m5.large"),
            builtin().on_demand("us-east-1", "m5.large"));
  EXPECT_TRUE(std::is_sorted(catalogue.all().begin(), catalogue.all().end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
}

TEST(Zones, TellTheirRegion) {
  EXPECT_EQ(region_of_zone("us-west-2a"), "us-west-2");
  EXPECT_EQ(region_of_zone("us-gov-east-1b"), "us-gov-east-1");
  EXPECT_EQ(region_of_zone("us-west-2-lax-1a"), "us-west-2");
  EXPECT_EQ(region_of_zone("us-east-1-wl1-bos-wlz-1"), "us-east-1");
}

}  // namespace
}  // namespace gputide::pricing
