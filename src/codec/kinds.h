// The versions that kinds once had: what the API server answers to them now, and what to write
// instead.
#pragma once

#include <string_view>

namespace gputide::codec {

/// One kind's API version that is no longer served.
struct RetiredVersion {
  std::string_view kind;
  std::string_view versions;     // space separated
  std::string_view replacement;  // "" when there is none
  std::string_view removed_in;   // the Kubernetes release
  std::string_view also;         // what else changes, as the end of a sentence; "" for nothing
};

/// nullptr: not retired, as far as is known. Source: Kubernetes' deprecated API migration guide.
const RetiredVersion* find_retired(std::string_view api_version, std::string_view kind);

/// True when `word` is one of the space separated `words`.
bool contains_word(std::string_view words, std::string_view word);

}  // namespace gputide::codec
