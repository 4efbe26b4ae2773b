// Small text tools that the standard library lacks.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gputide {

/// Splits at every `separator`; "a,,b" gives three parts, "" gives one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);

/// `text` without leading and trailing spaces, tabs, carriage returns and line feeds.
std::string_view trim(std::string_view text);

std::string join(std::span<const std::string> parts, std::string_view separator);

/// '0' to '9', whatever the locale.
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string to_lower(std::string_view ascii);

/// As Go's strconv.Quote: what Kubernetes' error texts use. Characters beyond U+00A0 count as
/// printable; Go escapes a few rare ones of them.
std::string quote(std::string_view text);

/// Number of single-character edits (insert, delete, replace, swap of neighbours) between two short
/// words.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that a person most likely meant by `word`: equal but for case, else at most a
/// third of it edited.
std::optional<std::string_view> closest(std::string_view word,
                                        std::span<const std::string_view> candidates);

}  // namespace gputide
