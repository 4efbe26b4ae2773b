#include "state/text_hash.h"

#include <set>

#include <gtest/gtest.h>

namespace gputide::state {
namespace {

TEST(TextHash, TellsTextsOfAnyLengthApart) {
  std::set<std::uint64_t> seen;
  std::size_t count = 0;
  for (std::size_t length = 0; length < 40; ++length) {
    const std::string same(length, 'a');
    seen.insert(hash_of(same));
    ++count;
    for (std::size_t at = 0; at < length; ++at, ++count) {
      std::string other = same;
      other[at] = 'b';
      seen.insert(hash_of(other));
    }
  }
  EXPECT_EQ(seen.size(), count);
  EXPECT_NE(hash_of("cpu", 1), hash_of("cpu", 2));
}

TEST(TextHash, FindsByAnyKindOfText) {
  TextMap<int> map;
  map["ip-192-168-1-2.us-west-2.compute.internal"] = 7;
  const std::string_view name = "ip-192-168-1-2.us-west-2.compute.internal and more";
  EXPECT_EQ(map.find(name.substr(0, 41))->second, 7);
  EXPECT_EQ(map.find(name), map.end());
}

}  // namespace
}  // namespace gputide::state
