#include "model/tag_filter.h"

#include <gtest/gtest.h>

namespace gputide::model {
namespace {

bool carries(const std::string& value, const std::string& wanted) {
  return carries_tags({{"Name", value}, {"team", "ml"}}, {{"Name", wanted}});
}

TEST(TagFilter, AllWantedTagsMustBeThere) {
  EXPECT_TRUE(carries_tags({{"a", "1"}, {"b", "2"}}, {{"a", "1"}}));
  EXPECT_TRUE(carries_tags({}, {}));
  EXPECT_FALSE(carries_tags({{"a", "1"}}, {{"a", "1"}, {"b", "2"}}));
  EXPECT_FALSE(carries_tags({{"a", "1"}}, {{"a", "2"}}));
}

TEST(TagFilter, ValuesMayHaveWildcards) {
  const std::string name = "eksctl-dev-cluster/SubnetPrivateUSWEST2A";
  EXPECT_TRUE(carries(name, name));
  EXPECT_TRUE(carries(name, "*"));
  EXPECT_TRUE(carries("", "*"));
  EXPECT_TRUE(carries(name, "eksctl-dev-cluster/SubnetPrivate*"));
  EXPECT_TRUE(carries(name, "*Private*2A"));
  EXPECT_TRUE(carries(name, "*Private*WEST2?"));
  EXPECT_TRUE(carries("aab", "*a*b**"));
  EXPECT_FALSE(carries(name, "*Public*"));
  EXPECT_FALSE(carries(name, "eksctl-dev-cluster/SubnetPrivate"));
  EXPECT_FALSE(carries(name, "*private*"));
  EXPECT_FALSE(carries("ab", "?"));
  EXPECT_FALSE(carries("", "?"));
  EXPECT_FALSE(carries("a", ""));
}

TEST(TagFilter, ABackslashTakesTheMeaningFromAWildcard) {
  EXPECT_TRUE(carries("a*b", "a\\*b"));
  EXPECT_FALSE(carries("axb", "a\\*b"));
  EXPECT_TRUE(carries("what?", "what\\?"));
  EXPECT_TRUE(carries("a\\b", "a\\\\b"));
}

}  // namespace
}  // namespace gputide::model
