#include "decide/pricing/cost_sheet.h"

#include <limits>

#include <gtest/gtest.h>

#include "decide/pricing/eks_versions.h"

namespace gputide::pricing {
namespace {

CostLine group(std::string name, std::int64_t min, std::int64_t desired, std::int64_t max,
               std::optional<Money> price) {
  CostLine line;
  line.kind = CostLine::Kind::NodeGroup;
  line.name = std::move(name);
  line.instances = {{"g4dn.xlarge", "spot", price, {min, desired, max}}};
  add_up(line);
  return line;
}

TEST(Sums, AreExactAtEachSize) {
  const std::vector<CostLine> lines = {group("a", 1, 2, 3, Money::micros(189'371)),
                                       group("b", 0, 1, 10, Money::micros(526'000))};
  EXPECT_EQ(total(lines, Size::Minimum).per_hour, Money::micros(189'371));
  EXPECT_EQ(total(lines, Size::Desired).per_hour, Money::micros(2 * 189'371 + 526'000));
  EXPECT_EQ(total(lines, Size::Maximum).per_hour, Money::micros(3 * 189'371 + 5'260'000));
  EXPECT_EQ(total(lines, Size::Maximum).nodes, 13);
}

TEST(Sums, CountWhatHasNoPriceAndWhatHasNoLimit) {
  CostLine pool;
  pool.kind = CostLine::Kind::NodePool;
  pool.size(Size::Maximum).unlimited = true;
  const std::vector<CostLine> lines = {group("a", 1, 1, 4, std::nullopt), pool};
  EXPECT_EQ(total(lines, Size::Maximum).unpriced, 4);
  EXPECT_EQ(total(lines, Size::Maximum).per_hour, Money());
  EXPECT_TRUE(total(lines, Size::Maximum).unlimited);
  EXPECT_FALSE(total(lines, Size::Desired).unlimited);
}

TEST(Months, Have730Hours) {
  EXPECT_EQ(per_month(Money::micros(100'000)), Money::dollars(73));
}

TEST(Sums, OfAbsurdAmountsStopAtTheMostThatMoneyHolds) {
  constexpr Money kMost = Money::micros(std::numeric_limits<std::int64_t>::max());
  const Money dear = Money::dollars(1'000'000'000);
  EXPECT_EQ(times(dear, 1'000'000'000), kMost);
  const std::vector<CostLine> lines = {group("a", 0, 0, 1'000'000'000, dear),
                                       group("b", 0, 0, 1'000'000'000, dear)};
  EXPECT_EQ(total(lines, Size::Maximum).per_hour, kMost);
  EXPECT_EQ(per_month(total(lines, Size::Maximum).per_hour), kMost);
}

TEST(Changes, PairLinesByKindAndName) {
  const std::vector<CostLine> before = {group("kept", 0, 0, 3, Money::dollars(1)),
                                        group("gone", 1, 1, 1, Money::dollars(1)),
                                        group("grows", 0, 0, 3, Money::dollars(1))};
  CostLine pool = group("gone", 1, 1, 1, Money::dollars(1));
  pool.kind = CostLine::Kind::NodePool;
  const std::vector<CostLine> after = {group("grows", 0, 0, 5, Money::dollars(1)), pool,
                                       group("kept", 0, 0, 3, Money::dollars(1))};
  const std::vector<LineChange> found = changes(before, after);
  ASSERT_EQ(found.size(), 4u);
  EXPECT_TRUE(found[0].equal());
  EXPECT_EQ(found[1].after, nullptr);
  EXPECT_EQ(found[2].after, &after[0]);
  EXPECT_FALSE(found[2].equal());
  EXPECT_EQ(found[3].before, nullptr);
  EXPECT_EQ(found[3].after, &after[1]);
}

TEST(Choices, AreSortedByPriceAndEachThereOnce) {
  std::vector<Choice> choices = {{"b", "spot", Money::dollars(2)},
                                 {"a", "spot", Money::dollars(2)},
                                 {"c", "on-demand", Money::dollars(1)},
                                 {"b", "spot", Money::dollars(2)}};
  sort_choices(choices);
  ASSERT_EQ(choices.size(), 3u);
  EXPECT_EQ(choices[0].type, "c");
  EXPECT_EQ(choices[2].type, "b");
}

TEST(ControlPlanes, CostSixTimesAsMuchInExtendedSupport) {
  EXPECT_EQ(control_plane_price("1.34"), Money::micros(100'000));
  EXPECT_EQ(control_plane_price("1.31"), Money::micros(600'000));
  EXPECT_EQ(control_plane_price("1.99"), Money::micros(100'000));
  EXPECT_EQ(control_plane_price("latest"), Money::micros(100'000));
}

}  // namespace
}  // namespace gputide::pricing
