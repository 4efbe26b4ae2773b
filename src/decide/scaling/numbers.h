// Numbers as Go's strconv reads them, for the flags and tags whose accepted forms are defined by
// it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gputide::scaling {

/// strconv.Atoi: an optional sign and decimal digits that fit int64.
std::optional<std::int64_t> parse_decimal(std::string_view text);

/// strconv.ParseInt with base 0: also 0x, 0o, 0b and leading-zero octal, and underscores between
/// digits.
std::optional<std::int64_t> parse_integer(std::string_view text);

/// strconv.ParseFloat for 64 bits: decimal and hexadecimal forms, "inf", "infinity", "nan" in any
/// case. Out of range is nullopt.
std::optional<double> parse_float(std::string_view text);

/// strconv.ParseBool: 1, t, T, TRUE, true, True and their opposites.
std::optional<bool> parse_bool(std::string_view text);

}  // namespace gputide::scaling
