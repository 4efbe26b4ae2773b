// Names that the control plane makes up. Source: k8s.io/apimachinery 0.31 util/rand, apiserver
// storage/names.
#pragma once

#include <string>
#include <string_view>

namespace gputide::model {

/// Letters and digits that cannot spell anything unpleasant.
inline constexpr std::string_view kSafeLetters = "bcdfghjklmnpqrstvwxz2456789";
inline constexpr std::size_t kRandomSuffixLength = 5;
/// Bytes of a generateName that stay: a made-up name has at most 63.
inline constexpr std::size_t kNamePrefixLength = 63 - kRandomSuffixLength;

/// `text` byte for byte in safe letters: how hashes become parts of names.
std::string safe_encode(std::string_view text);

/// What of generateName stays before the random suffix.
std::string_view name_prefix(std::string_view generate_name);

}  // namespace gputide::model
