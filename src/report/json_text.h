// Writing JSON as text, with exact decimals.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/money.h"
#include "base/time.h"

namespace gputide::report {

/// `units` / 10^digits as a decimal without trailing zeros: (12345600, 6) -> "12.3456".
std::string decimal(std::int64_t units, int digits);
inline std::string dollars(Money amount) {
  return decimal(amount.micros(), 6);
}
inline std::string seconds(Duration span) {
  return decimal(span.nanoseconds(), 9);
}
std::string json_string(std::string_view text);

}  // namespace gputide::report
