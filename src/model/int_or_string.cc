#include "model/int_or_string.h"

#include <charconv>
#include <cmath>

#include "base/text.h"

namespace gputide::model {
namespace {

/// Go's strconv.Atoi with its error texts.
Result<std::int64_t> read_int(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  const bool signed_twice = digits.size() != text.size() && digits.starts_with('-');
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool all = end == digits.data() + digits.size();
  if (signed_twice || error == std::errc::invalid_argument || !all)
    return fail("strconv.Atoi: parsing " + quote(text) + ": invalid syntax");
  if (error != std::errc())
    return fail("strconv.Atoi: parsing " + quote(text) + ": value out of range");
  return value;
}

}  // namespace

IntOrString parse_int_or_string(std::string_view text) {
  const Result<std::int64_t> number = read_int(text);
  if (!number || *number != static_cast<std::int32_t>(*number))
    return IntOrString::from_string(std::string(text));
  return IntOrString::from_int(static_cast<std::int32_t>(*number));
}

Result<std::int64_t> scaled_value(const IntOrString& value, std::int64_t total, bool round_up) {
  if (!value.is_string()) return value.int_value();
  const std::string_view text = value.string_value();
  if (!text.ends_with('%'))
    return fail("invalid value for IntOrString: invalid type: string is not a percentage");
  const Result<std::int64_t> percent = read_int(text.substr(0, text.size() - 1));
  if (!percent)
    return fail("invalid value for IntOrString: invalid value " + quote(text) + ": " +
                percent.error().message);
  // Upstream divides doubles; so do we, in the same order.
  const double share = static_cast<double>(*percent) * static_cast<double>(total) / 100;
  return static_cast<std::int64_t>(round_up ? std::ceil(share) : std::floor(share));
}

}  // namespace gputide::model
