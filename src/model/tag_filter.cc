#include "model/tag_filter.h"

#include <algorithm>
#include <string_view>

namespace gputide::model {
namespace {

// On a mismatch the last `*` takes in one more character; those before it need not change.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;  // text up to here is matched when the star's turn comes again
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
      continue;
    }
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    const std::size_t letter = escaped ? p + 1 : p;
    const bool any = !escaped && p < pattern.size() && pattern[p] == '?';
    if (any || (letter < pattern.size() && pattern[letter] == text[t])) {
      p = letter + 1;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace

bool carries_tags(const StringMap& tags, const StringMap& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& tag) {
    const auto found = tags.find(tag.first);
    return found != tags.end() && matches(tag.second, found->second);
  });
}

}  // namespace gputide::model
