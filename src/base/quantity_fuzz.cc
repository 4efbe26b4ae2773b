// Any text: what is read prints a text that reads back equal, and the order agrees with
// subtraction.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/quantity.h"

using gputide::Quantity;

namespace {

void check_text(const Quantity& read) {
  // Suffixes end at E: upstream prints larger DecimalSI numbers without one.
  Quantity magnitude = read;
  if (magnitude.sign() < 0) magnitude.negate();
  static const Quantity kLimit = *Quantity::parse("1000e18");
  if (read.format_name() == "DecimalSI" && magnitude >= kLimit) return;
  // Trailing zeros move into the exponent, which may then be larger than what is read.
  static const Quantity kHuge = *Quantity::parse("1e1000");
  if (magnitude >= kHuge) return;
  const auto again = Quantity::parse(read.text());
  GPUTIDE_CHECK(again && *again == read);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = text.find(' ');
  const auto a = Quantity::parse(text.substr(0, cut));
  if (!a) return 0;
  check_text(*a);
  Quantity plain = *a;
  plain.add(Quantity::from_value(0));
  GPUTIDE_CHECK(plain == *a);
  check_text(plain);
  for (const int scale : {-9, -3, 0, 6}) {
    static_cast<void>(a->scaled_value(scale));
    Quantity rounded = *a;
    GPUTIDE_CHECK(rounded.round_up(scale) == (rounded == *a));
  }
  static_cast<void>(a->to_double());
  if (cut == std::string_view::npos) return 0;
  const auto b = Quantity::parse(text.substr(cut + 1));
  if (!b) return 0;
  Quantity gap = *a;
  gap.sub(*b);
  const auto order = *a <=> *b;
  GPUTIDE_CHECK(gap.sign() == (order < 0 ? -1 : order > 0 ? 1 : 0));
  gap.add(*b);
  GPUTIDE_CHECK(gap == *a);
  return 0;
}
