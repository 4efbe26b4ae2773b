// Quantity: Kubernetes' resource quantities, parsed, compared and printed exactly as apimachinery
// does.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace gputide {

/// A decimal number with Kubernetes' suffixes: "100m", "1.5Gi", "1e3". Semantics and texts are
/// those of k8s.io/apimachinery/pkg/api/resource 0.31: values below one nano round up, binary
/// values beyond 2^63-1 are capped on parsing, the printed form is canonical and keeps the format
/// that was read. As upstream, a few unusual spellings ("1e0", "+3Gi") are printed as they were
/// read until the value is changed.
class Quantity {
 public:
  /// How the canonical text is written.
  enum class Format { DecimalSI, BinarySI, DecimalExponent };

  /// Zero. Its format is unset (Go's zero Quantity) until something is added to it.
  Quantity() = default;
  static Result<Quantity> parse(std::string_view text);
  static Quantity from_value(std::int64_t units, Format format = Format::DecimalSI);
  static Quantity from_milli(std::int64_t thousandths, Format format = Format::DecimalSI);

  /// The text: "1500m", "2Gi", "1e3".
  std::string text() const;
  /// Whole units, rounded up (away from zero below zero). Outside int64 the answer wraps as
  /// upstream's does.
  std::int64_t value() const { return scaled_value(0); }
  /// Thousandths, rounded up.
  std::int64_t milli_value() const { return scaled_value(-3); }
  /// The value in units of 10^scale, rounded up.
  std::int64_t scaled_value(int scale) const;
  double to_double() const;

  int sign() const;
  bool is_zero() const { return sign() == 0; }
  /// Format as printed by the golden data: "" for a quantity that was never given one.
  std::string_view format_name() const;

  void add(const Quantity& other);
  void sub(const Quantity& other);
  void negate();
  /// Multiplies; false when the result no longer fits int64 (the value is exact all the same).
  bool mul(std::int64_t factor);
  /// Rounds up to 10^scale in place; false when rounding lost something.
  bool round_up(int scale);
  /// True and the value when it is a whole number that was kept as int64 (upstream's AsInt64).
  bool as_int64(std::int64_t& out) const;

  std::strong_ordering operator<=>(const Quantity& other) const;
  bool operator==(const Quantity& other) const { return (*this <=> other) == 0; }

 private:
  struct Big;   // a value that does not fit value_ * 10^scale_
  struct Rare;  // a Big, or the text as it was read
  const Big* big() const { return rare_ ? big_of(*rare_) : nullptr; }
  static const Big* big_of(const Rare& rare);
  void set_big(Big big);
  std::strong_ordering compare(const Quantity& other) const;
  int rare_sign() const;

  std::int64_t value_ = 0;
  std::int32_t scale_ = 0;
  std::int8_t format_ = -1;  // -1 = unset, else a Format
  std::shared_ptr<const Rare> rare_;
};

inline std::strong_ordering Quantity::operator<=>(const Quantity& other) const {
  if (!rare_ && !other.rare_ && scale_ == other.scale_) return value_ <=> other.value_;
  return compare(other);
}

inline int Quantity::sign() const {
  if (rare_) return rare_sign();
  return value_ > 0 ? 1 : value_ < 0 ? -1 : 0;
}

}  // namespace gputide
