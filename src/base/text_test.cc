#include "base/text.h"

#include <limits>
#include <map>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace gputide {
namespace {

TEST(Text, SplitsAndJoins) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), std::vector<std::string_view>{""});
  EXPECT_EQ(join(std::vector<std::string>{"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(join(std::vector<std::string>{}, ", "), "");
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim("  "), "");
  EXPECT_EQ(to_lower("GPU-1"), "gpu-1");
}

TEST(Text, QuotesAsGoDoes) {
  EXPECT_EQ(quote("a\"b\\"), R"("a\"b\\")");
  EXPECT_EQ(quote("\n\t\x01"), R"("\n\t\x01")");
  EXPECT_EQ(quote("\u00e9"), "\"\u00e9\"");
  EXPECT_EQ(quote("\x7f"), R"("\x7f")");
  EXPECT_EQ(quote("\xff"), R"("\xff")");
}

TEST(Text, MeasuresEdits) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("replicas", "replicsa"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("same", "same"), 0U);
}

TEST(Text, FindsWhatWasMeant) {
  const std::vector<std::string_view> names = {"replicas", "selector", "template"};
  EXPECT_EQ(closest("Replicas", names), "replicas");
  EXPECT_EQ(closest("replcas", names), "replicas");
  EXPECT_EQ(closest("nodeName", names), std::nullopt);
}

TEST(Rng, IsEqualForEqualSeedsAndCauses) {
  Rng a(7, "spot"), b(7, "spot"), other(7, "boot");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
  EXPECT_NE(Rng(7, "spot").next(), other.next());
  EXPECT_NE(Rng(7, "spot").next(), Rng(8, "spot").next());
  // Draws are part of every golden timeline: they must not change between releases.
  EXPECT_EQ(fnv1a("gputide"), 0xcb15fa6900517ac1ULL);
}

TEST(Rng, KeepsItsBounds) {
  Rng rng(1, "bounds");
  std::map<std::uint64_t, int> seen;
  for (int i = 0; i < 6000; ++i) ++seen[rng.below(6)];
  EXPECT_EQ(seen.size(), 6U);
  for (const auto& [face, times] : seen) EXPECT_NEAR(times, 1000, 150) << face;
  for (int i = 0; i < 1000; ++i) {
    const std::int64_t n = rng.between(-3, 3);
    EXPECT_TRUE(n >= -3 && n <= 3);
  }
  constexpr auto kLow = std::numeric_limits<std::int64_t>::min();
  constexpr auto kHigh = std::numeric_limits<std::int64_t>::max();
  EXPECT_NE(rng.between(kLow, kHigh), rng.between(kLow, kHigh));
  EXPECT_EQ(rng.between(kHigh, kHigh), kHigh);
  EXPECT_FALSE(rng.chance({0, 1}));
  EXPECT_TRUE(rng.chance({1, 1}));
}

}  // namespace
}  // namespace gputide
