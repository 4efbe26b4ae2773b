#include "decide/scaling/options.h"

#include <gtest/gtest.h>

namespace gputide::scaling {
namespace {

Options read(std::vector<std::string> flags, Diagnostics& found, Compat compat = Compat::Upstream,
             Release release = Release::V1_36) {
  return parse_options(flags, compat, release, "autoscaler.yaml", {}, found);
}

TEST(Options, AnUnknownFlagNamesTheOneThatWasMeant) {
  Diagnostics found;
  read({"--scale-down-uneeded-time=5m"}, found);
  ASSERT_EQ(found.list().size(), 1U);
  EXPECT_EQ(found.list()[0].what, "unknown flag: --scale-down-uneeded-time");
  EXPECT_EQ(found.list()[0].remedy, "did you mean --scale-down-unneeded-time?");
}

TEST(Options, EveryFlagIsAcceptedWithItsOwnDefault) {
  for (const FlagHelp& flag : flag_reference()) {
    if (flag.default_136 == "-" || flag.default_136 == "[]" || flag.default_136.empty() ||
        flag.name == "cloud-provider" || flag.name == "drain-priority-config" ||
        flag.name == "max-graceful-termination-sec")
      continue;
    Diagnostics found;
    read({"--cloud-provider=aws", "--" + std::string(flag.name) + "=" + flag.default_136}, found);
    for (const Diagnostic& diagnostic : found.list())
      EXPECT_NE(diagnostic.severity, Severity::Error) << flag.name << ": " << diagnostic.what;
  }
}

TEST(Options, DefaultsAreThoseOfTheRelease) {
  EXPECT_EQ(default_options(Compat::Upstream, Release::V1_31).expander, "random");
  EXPECT_EQ(default_options(Compat::Upstream, Release::V1_36).expander, "least-waste");
  EXPECT_EQ(default_options(Compat::Gputide, Release::V1_36).expander, "price");
  EXPECT_FALSE(default_options(Compat::Upstream, Release::V1_31).frequent_loops_enabled);
  EXPECT_TRUE(default_options(Compat::Upstream, Release::V1_36).frequent_loops_enabled);
  EXPECT_TRUE(default_options(Compat::Gputide, Release::V1_36).balance_similar_node_groups);
}

TEST(Options, DrainBandsAreSortedAndReplaceTheOneOfTheGracePeriod) {
  Diagnostics found;
  const Options banded = read({"--drain-priority-config=1000:120,-5:+30,0:0"}, found);
  EXPECT_EQ(banded.drain_bands(), (std::vector<DrainBand>{{-5, 30}, {0, 0}, {1000, 120}}));
  const Options plain = read({"--max-graceful-termination-sec=7"}, found);
  EXPECT_EQ(plain.drain_bands(), (std::vector<DrainBand>{{2147483647, 7}}));
  EXPECT_FALSE(parse_drain_bands("5"));
  EXPECT_FALSE(parse_drain_bands("5:6,"));
  EXPECT_FALSE(parse_drain_bands("high:6"));
}

TEST(Options, TheGrpcExpanderNeedsACertificateAndPassesEveryGroup) {
  Diagnostics found;
  read({"--cloud-provider=aws", "--expander=grpc"}, found);
  EXPECT_TRUE(found.has_errors());
  Diagnostics with;
  read({"--cloud-provider=aws", "--expander=grpc", "--grpc-expander-cert=/cert"}, with);
  EXPECT_FALSE(with.has_errors());
  EXPECT_EQ(with.list().size(), 1U);
}

TEST(Options, TheImageNamesTheRelease) {
  EXPECT_EQ(release_of_image("registry.k8s.io/autoscaling/cluster-autoscaler:v1.34.1"),
            Release::V1_36);
  EXPECT_EQ(release_of_image("us.gcr.io/k8s-artifacts-prod/autoscaling/cluster-autoscaler:v1.19.1"),
            Release::V1_31);
  EXPECT_EQ(release_of_image("localhost:5000/cluster-autoscaler"), std::nullopt);
}

}  // namespace
}  // namespace gputide::scaling
