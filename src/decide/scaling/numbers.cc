#include "decide/scaling/numbers.h"

#include <charconv>
#include <limits>
#include <string>

#include "base/text.h"

namespace gputide::scaling {
namespace {

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

std::optional<std::int64_t> parse_digits(std::string_view digits, int base, bool negative) {
  if (digits.empty()) return std::nullopt;
  const std::uint64_t limit =
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (negative ? 1 : 0);
  std::uint64_t value = 0;
  for (const char c : digits) {
    const int digit = digit_value(c);
    if (digit >= base) return std::nullopt;
    if (value > (limit - static_cast<std::uint64_t>(digit)) / static_cast<std::uint64_t>(base))
      return std::nullopt;
    value = value * static_cast<std::uint64_t>(base) + static_cast<std::uint64_t>(digit);
  }
  return static_cast<std::int64_t>(negative ? 0 - value : value);
}

// Takes a sign off the front; true for '-'.
bool take_sign(std::string_view& text) {
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return false;
  const bool negative = text[0] == '-';
  text.remove_prefix(1);
  return negative;
}

// Go's rule: underscores only between digits, or between a base prefix and a digit. Empty text =
// not well formed.
std::optional<std::string> without_underscores(std::string_view digits, bool has_prefix) {
  std::string out;
  bool after_digit = has_prefix;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (digits[i] != '_') {
      out += digits[i];
      after_digit = true;
      continue;
    }
    const bool before_digit = i + 1 < digits.size() && digits[i + 1] != '_';
    if (!after_digit || !before_digit) return std::nullopt;
    after_digit = false;
  }
  return out;
}

}  // namespace

std::optional<std::int64_t> parse_decimal(std::string_view text) {
  const bool negative = take_sign(text);
  return parse_digits(text, 10, negative);
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  const bool negative = take_sign(text);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char kind = text[1];
    if (kind == 'x' || kind == 'X')
      base = 16;
    else if (kind == 'o' || kind == 'O')
      base = 8;
    else if (kind == 'b' || kind == 'B')
      base = 2;
    if (base != 10) {
      text.remove_prefix(2);
    } else {
      base = 8;
      text.remove_prefix(1);
    }
    const auto digits = without_underscores(text, true);
    return digits ? parse_digits(*digits, base, negative) : std::nullopt;
  }
  const auto digits = without_underscores(text, false);
  return digits ? parse_digits(*digits, base, negative) : std::nullopt;
}

std::optional<double> parse_float(std::string_view text) {
  const std::string lower = to_lower(text);
  std::string_view rest = lower;
  const bool negative = take_sign(rest);
  const double sign = negative ? -1.0 : 1.0;
  if (rest == "inf" || rest == "infinity") return sign * std::numeric_limits<double>::infinity();
  if (rest == "nan") return std::numeric_limits<double>::quiet_NaN();
  auto format = std::chars_format::general;
  if (rest.starts_with("0x")) {
    rest.remove_prefix(2);
    // Go demands the binary exponent of a hexadecimal number.
    if (rest.find('p') == std::string_view::npos) return std::nullopt;
    format = std::chars_format::hex;
  }
  if (rest.empty() || !(rest[0] == '.' || digit_value(rest[0]) < 16)) return std::nullopt;
  double value = 0;
  const char* const end = rest.data() + rest.size();
  const auto got = std::from_chars(rest.data(), end, value, format);
  if (got.ec != std::errc() || got.ptr != end) return std::nullopt;
  return sign * value;
}

std::optional<bool> parse_bool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"})
    if (text == yes) return true;
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"})
    if (text == no) return false;
  return std::nullopt;
}

}  // namespace gputide::scaling
