#include "decide/provisioning/node_overlays.h"

#include <gmock/gmock.h>

#include <gtest/gtest.h>

namespace gputide::provisioning {
namespace {

using testing::ElementsAre;

model::NodePool shared_pool(const std::string& name = "gpu") {
  model::NodePool out;
  out.metadata.name = name;
  out.spec.template_.metadata.labels = {{"share", "ten"}};
  return out;
}

std::vector<ProviderType> types() {
  std::vector<ProviderType> out;
  for (const char* name : {"g4dn.xlarge", "g5.xlarge"}) {
    ProviderType type;
    type.name = name;
    type.requirements.add(Requirement::in("node.kubernetes.io/instance-type", name));
    const std::vector<std::string> zones{"us-west-2a", "us-west-2b"}, markets{"on-demand", "spot"};
    type.requirements.add(Requirement::make("topology.kubernetes.io/zone", "In", zones));
    type.requirements.add(Requirement::make("karpenter.sh/capacity-type", "In", markets));
    for (const std::string& market : markets)
      type.offerings.push_back({"us-west-2a", market, "", 0, Money::dollars(1), true});
    type.capacity["nvidia.com/gpu"] = type.allocatable["nvidia.com/gpu"] = Quantity::from_value(1);
    out.push_back(std::move(type));
  }
  return out;
}

model::NodeOverlay overlay(const std::string& name, std::int32_t weight,
                           std::vector<model::NodeSelectorRequirement> requirements = {}) {
  model::NodeOverlay out;
  out.metadata.name = name;
  if (weight > 0) out.spec.weight = weight;
  out.spec.requirements = std::move(requirements);
  return out;
}

std::string price_after(const std::string& adjustment) {
  model::NodeOverlaySpec spec;
  spec.priceAdjustment = adjustment;
  EXPECT_THAT(validate_node_overlay(spec), ElementsAre()) << adjustment;
  return overlaid_price(spec, Money::dollars(2)).text(4);
}

TEST(NodeOverlays, AdjustPrices) {
  EXPECT_EQ(price_after("+10%"), "2.2000");
  EXPECT_EQ(price_after("-12.5%"), "1.7500");
  EXPECT_EQ(price_after("-100%"), "0.0000");
  EXPECT_EQ(price_after("+0.25"), "2.2500");
  EXPECT_EQ(price_after("-.5"), "1.5000");
  EXPECT_EQ(price_after("-3"), "0.0000");
  model::NodeOverlaySpec spec;
  spec.price = "1.25";
  EXPECT_EQ(overlaid_price(spec, Money::dollars(2)).text(4), "1.2500");
}

TEST(NodeOverlays, SelectOfferingsByRequirements) {
  model::NodeOverlay cheap = overlay("cheap", 1,
                                     {{"karpenter.sh/capacity-type", "In", {"spot"}},
                                      {"node.kubernetes.io/instance-type", "In", {"g5.xlarge"}}});
  cheap.spec.price = "0.5";
  auto offered = types();
  EXPECT_THAT(apply_overlays(std::span(&cheap, 1), shared_pool(), offered), ElementsAre());
  EXPECT_EQ(offered[0].offerings[1].price, Money::dollars(1));
  EXPECT_EQ(offered[1].offerings[0].price, Money::dollars(1));
  EXPECT_EQ(offered[1].offerings[1].price, Money::micros(500'000));
}

TEST(NodeOverlays, LeaveWhatIsReservedWithoutAPrice) {
  model::NodeOverlay dear = overlay("dear", 1);
  dear.spec.price = "3";
  auto offered = types();
  offered[0].offerings.push_back({"a", "reserved", "cr-1", 1, Money(), true});
  apply_overlays(std::span(&dear, 1), shared_pool(), offered);
  EXPECT_EQ(offered[0].offerings.front().price, Money::dollars(3));
  EXPECT_EQ(offered[0].offerings.back().price, Money());
}

TEST(NodeOverlays, CapacityCountsForTypesOfPoolsThatTheySelect) {
  model::NodeOverlay shared =
      overlay("shared", 0, {{"karpenter.sh/nodepool", "In", {"gpu"}}, {"share", "In", {"ten"}}});
  shared.spec.capacity = {{"example.com/vgpu", Quantity::from_value(10)}};
  auto here = types(), elsewhere = types();
  apply_overlays(std::span(&shared, 1), shared_pool(), here);
  apply_overlays(std::span(&shared, 1), shared_pool("other"), elsewhere);
  EXPECT_EQ(here[0].allocatable.at("example.com/vgpu").value(), 10);
  EXPECT_EQ(here[0].capacity.at("nvidia.com/gpu").value(), 1);
  EXPECT_FALSE(elsewhere[0].allocatable.contains("example.com/vgpu"));
}

TEST(NodeOverlays, TheHighestWeightCountsForEachPriceAndResource) {
  std::vector<model::NodeOverlay> overlays{overlay("low", 1), overlay("high", 2)};
  overlays[0].spec.price = "3";
  overlays[0].spec.capacity = {{"example.com/vgpu", Quantity::from_value(3)},
                               {"example.com/other", Quantity::from_value(3)}};
  overlays[1].spec.price = "2";
  overlays[1].spec.capacity = {{"example.com/vgpu", Quantity::from_value(2)}};
  auto offered = types();
  EXPECT_THAT(apply_overlays(overlays, shared_pool(), offered), ElementsAre());
  EXPECT_EQ(offered[0].offerings[0].price, Money::dollars(2));
  EXPECT_EQ(offered[0].capacity.at("example.com/vgpu").value(), 2);
  EXPECT_EQ(offered[0].capacity.at("example.com/other").value(), 3);
}

TEST(NodeOverlays, OfEqualWeightsThatSetTheSameOneIsLeftOut) {
  std::vector<model::NodeOverlay> overlays{overlay("a", 1), overlay("b", 1)};
  overlays[0].spec.price = "3";
  overlays[1].spec.price = "2";
  auto offered = types();
  EXPECT_THAT(apply_overlays(overlays, shared_pool(), offered),
              ElementsAre("NodeOverlay a is left out: another of the same weight sets the same for "
                          "NodePool gpu"));
  EXPECT_EQ(offered[0].offerings[0].price, Money::dollars(2));
}

TEST(NodeOverlays, WhatIsWrongIsLeftOut) {
  model::NodeOverlaySpec spec;
  spec.price = spec.priceAdjustment = "cheap";
  spec.weight = 0;
  spec.capacity = {{"memory", Quantity::from_value(1)}};
  spec.requirements = {{"share", "Near", {}}};
  EXPECT_EQ(validate_node_overlay(spec).size(), 6u);
  for (const char* bad : {"10%", "+", "-101%", "1", "+1.", "-5.%"}) {
    model::NodeOverlaySpec adjusted;
    adjusted.priceAdjustment = bad;
    EXPECT_EQ(validate_node_overlay(adjusted).size(), 1u) << bad;
  }
}

}  // namespace
}  // namespace gputide::provisioning
