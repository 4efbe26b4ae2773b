#include "base/quantity.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include <boost/multiprecision/cpp_int.hpp>

#include "base/text.h"

namespace gputide {
namespace {

using BigInt = boost::multiprecision::cpp_int;

constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
constexpr int kNano = -9;
// Exponents beyond this are refused on reading: their digits could not be written out in any
// reasonable time, and nothing means them.
constexpr int kMaxExponent = 1000;

constexpr std::array<std::int64_t, 19> kPowersOfTen = [] {
  std::array<std::int64_t, 19> out{};
  std::int64_t power = 1;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = power;
    if (i + 1 < out.size()) power *= 10;
  }
  return out;
}();

/// Go's wrapping product, and whether it is the true one. The lowest int64 never counts as true.
struct Product {
  std::int64_t value;
  bool fits;
};
Product multiply(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  const bool overflow = __builtin_mul_overflow(a, b, &product);
  if (a == 0 || b == 0 || a == 1 || b == 1) return {product, true};
  if (a == kLowest || b == kLowest) return {0, false};
  return {product, !overflow};
}

/// a * 10^places. On overflow the value is what upstream leaves behind: the wrapped product for the
/// usual steps, else zero.
Product scale_up(std::int64_t a, int places) {
  if (places == 0) return {a, true};
  if (a == 0) return {0, true};
  if (places < 19) {
    const Product product = multiply(a, kPowersOfTen[static_cast<std::size_t>(places)]);
    if (product.fits) return product;
    const bool usual_step = places <= 3 || places == 6 || places == 9;
    return {usual_step ? product.value : 0, false};
  }
  return {0, false};
}

/// base / 10^places rounded away from zero, and whether nothing was lost.
Product scale_down(std::int64_t base, int places) {
  if (places == 0 || base == 0) return {base, true};
  if (places >= 19) return {base > 0 ? 1 : -1, false};
  const std::int64_t divisor = kPowersOfTen[static_cast<std::size_t>(places)];
  const std::int64_t quotient = base / divisor;
  if (base % divisor == 0) return {quotient, true};
  return {base > 0 ? quotient + 1 : quotient - 1, false};
}

BigInt power_of_ten(int n) {
  return boost::multiprecision::pow(BigInt(10), static_cast<unsigned>(n));
}

/// cpp_int reads a leading zero as the mark of an octal number.
BigInt big_number(std::string_view digits) {
  const std::size_t first = digits.find_first_not_of('0');
  return first == digits.npos ? BigInt(0) : BigInt(std::string(digits.substr(first)));
}

/// The low 64 bits, as Go's big.Int.Int64 leaves them.
std::int64_t low_bits(const BigInt& n) {
  const BigInt magnitude = abs(n) & std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t bits = magnitude.convert_to<std::uint64_t>();
  return static_cast<std::int64_t>(n < 0 ? 0 - bits : bits);
}

/// Rounded to even; infinite beyond the doubles, where cpp_int's own conversion throws.
double nearest_double(const BigInt& n) {
  if (n == 0) return 0;
  const BigInt magnitude = abs(n);
  const auto bits = static_cast<unsigned>(msb(magnitude)) + 1;
  const unsigned below = bits > 64 ? bits - 64 : 0;
  auto top = BigInt(magnitude >> below).convert_to<std::uint64_t>();
  if (below > 0 && lsb(magnitude) < below) top |= 1U;  // what is cut off breaks ties
  const double out = std::ldexp(static_cast<double>(top), static_cast<int>(below));
  return n < 0 ? -out : out;
}

/// n / 10^places, rounded away from zero.
BigInt divide_up(const BigInt& n, int places) {
  BigInt quotient, remainder;
  boost::multiprecision::divide_qr(n, power_of_ten(places), quotient, remainder);
  if (remainder != 0) quotient += n < 0 ? -1 : 1;
  return quotient;
}

// Go's math.Pow10, bit for bit: a product or quotient of two table values.
double pow10(int n) {
  static constexpr double kSmall[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23,
                                      1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31};
  static constexpr double kUp[] = {1e0, 1e32, 1e64, 1e96, 1e128, 1e160, 1e192, 1e224, 1e256, 1e288};
  static constexpr double kDown[] = {1e-0,   1e-32,  1e-64,  1e-96,  1e-128, 1e-160,
                                     1e-192, 1e-224, 1e-256, 1e-288, 1e-320};
  if (n >= 0 && n <= 308) return kUp[n / 32] * kSmall[n % 32];
  if (n < 0 && n >= -323) return kDown[-n / 32] / kSmall[-n % 32];
  return n > 0 ? std::numeric_limits<double>::infinity() : 0.0;
}

std::int64_t go_int64(double d) {
  // Out of range, amd64 leaves the lowest value.
  return d >= 9223372036854775808.0 || d < -9223372036854775808.0 ? kLowest
                                                                  : static_cast<std::int64_t>(d);
}

struct Suffix {
  std::string_view text;
  int base;
  int exponent;
};
constexpr Suffix kSuffixes[] = {{"n", 10, -9}, {"u", 10, -6}, {"m", 10, -3}, {"", 10, 0},
                                {"k", 10, 3},  {"M", 10, 6},  {"G", 10, 9},  {"T", 10, 12},
                                {"P", 10, 15}, {"E", 10, 18}, {"Ki", 2, 10}, {"Mi", 2, 20},
                                {"Gi", 2, 30}, {"Ti", 2, 40}, {"Pi", 2, 50}, {"Ei", 2, 60}};

/// "" where no suffix says that power: upstream then drops it too.
std::string_view suffix_text(int base, int exponent) {
  for (const Suffix& suffix : kSuffixes)
    if (suffix.base == base && suffix.exponent == exponent) return suffix.text;
  return {};
}

/// A quantity's text taken apart. Digits before the point lose their leading zeros.
struct Parts {
  bool positive = true;
  bool any_digit = false;  // before the suffix
  std::string_view whole;
  std::string_view fraction;
  std::string_view suffix;
};

std::string_view take_digits(std::string_view text, std::size_t& pos) {
  const std::size_t start = pos;
  while (pos < text.size() && is_digit(text[pos])) ++pos;
  return text.substr(start, pos - start);
}

bool take_apart(std::string_view text, Parts& out) {
  std::size_t pos = 0;
  if (pos < text.size() && (text[0] == '-' || text[0] == '+')) out.positive = text[pos++] == '+';
  while (pos < text.size() && text[pos] == '0') ++pos;
  out.whole = take_digits(text, pos);
  if (out.whole.empty()) out.whole = "0";
  if (pos < text.size() && text[pos] == '.') {
    ++pos;
    out.fraction = take_digits(text, pos);
  }
  const std::size_t suffix_at = pos;
  out.any_digit = text.substr(0, pos).find_first_of("0123456789") != text.npos;
  while (pos < text.size() && std::string_view("eEinumkKMGTP").find(text[pos]) != text.npos) ++pos;
  if (pos < text.size() && (text[pos] == '-' || text[pos] == '+')) ++pos;
  take_digits(text, pos);
  out.suffix = text.substr(suffix_at);
  return pos == text.size();
}

struct Unit {
  int base = 10;
  int exponent = 0;
  Quantity::Format format = Quantity::Format::DecimalSI;
};

bool read_unit(std::string_view suffix, Unit& out) {
  for (const Suffix& known : kSuffixes) {
    if (known.text != suffix) continue;
    out = {known.base, known.exponent,
           known.base == 2 ? Quantity::Format::BinarySI : Quantity::Format::DecimalSI};
    return true;
  }
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) return false;
  std::string_view digits = suffix.substr(1);
  if (digits[0] == '+') {
    digits.remove_prefix(1);
    if (digits.empty() || !is_digit(digits[0])) return false;
  }
  int exponent = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  if (exponent > kMaxExponent || exponent < -kMaxExponent) return false;
  out = {10, exponent, Quantity::Format::DecimalExponent};
  return true;
}

constexpr const char* kWrongForm =
    "quantities must match the regular expression "
    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
constexpr const char* kWrongSuffix = "unable to parse quantity's suffix";
constexpr const char* kWrongNumber = "unable to parse numeric part of quantity";

/// How many digits may be spent on an int64; negative when upstream goes to big numbers at once.
int spare_digits(const Parts& parts, const Unit& unit) {
  if (unit.base == 10) return 18 - static_cast<int>(parts.whole.size() + parts.fraction.size());
  if (!parts.fraction.empty()) return -1;
  const auto exponent_digits = static_cast<int>(static_cast<float>(unit.exponent) * 3 / 10);
  return 15 - static_cast<int>(parts.whole.size()) - exponent_digits - 1;
}

/// Upstream takes these spellings to be canonical without looking closer.
bool keeps_spelling(std::string_view digits, std::int64_t value, int scale, const Unit& unit) {
  if (unit.base == 2) return value % 8 != 0;
  return scale % 3 == 0 && !digits.ends_with("000") && digits.front() != '0';
}

}  // namespace

/// unscaled / 10^scale.
struct Quantity::Big {
  BigInt unscaled;
  int scale = 0;

  static Big of(std::int64_t value, int exponent) { return {BigInt(value), -exponent}; }
  static Big of(const Quantity& q) { return q.big() ? *q.big() : of(q.value_, q.scale_); }
  BigInt at_scale(int wanted) const {
    return wanted == scale ? unscaled : BigInt(unscaled * power_of_ten(wanted - scale));
  }
  Big rounded_up(int wanted) const {
    return {wanted >= scale ? at_scale(wanted) : divide_up(unscaled, scale - wanted), wanted};
  }
  static std::strong_ordering compare(const Big& a, const Big& b) {
    const int scale = std::max(a.scale, b.scale);
    return a.at_scale(scale).compare(b.at_scale(scale)) <=> 0;
  }
};

struct Quantity::Rare {
  std::optional<Big> big;
  std::string written;  // when there is no big
};

const Quantity::Big* Quantity::big_of(const Rare& rare) {
  return rare.big ? &*rare.big : nullptr;
}

void Quantity::set_big(Big big) {
  rare_ = std::make_shared<const Rare>(Rare{std::move(big), {}});
}

Result<Quantity> Quantity::parse(std::string_view text) {
  if (text.empty()) return fail(kWrongForm);
  Quantity out;
  if (text == "0") return from_value(0);
  Parts parts;
  if (!take_apart(text, parts)) return fail(kWrongForm);
  Unit unit;
  if (!read_unit(parts.suffix, unit)) return fail(kWrongSuffix);
  out.format_ = static_cast<std::int8_t>(unit.format);

  const std::string digits = std::string(parts.whole) += parts.fraction;
  const int scale = (unit.base == 10 ? unit.exponent : 0) - static_cast<int>(parts.fraction.size());
  if (spare_digits(parts, unit) >= 0 && scale >= kNano) {
    std::int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const Product product =
        multiply(value, unit.base == 2 ? std::int64_t{1} << unit.exponent : std::int64_t{1});
    if (product.fits) {
      out.value_ = parts.positive ? product.value : -product.value;
      out.scale_ = scale;
      if (keeps_spelling(digits, value, scale, unit) && out.text() != text)
        out.rare_ = std::make_shared<const Rare>(Rare{std::nullopt, std::string(text)});
      return out;
    }
  }

  if (!parts.any_digit) return fail(kWrongNumber);
  Big big{big_number(digits), -scale};
  if (unit.base == 2) big.unscaled <<= unit.exponent;
  if (big.unscaled != 0) big = big.rounded_up(-kNano);
  if (unit.format == Format::BinarySI) {
    const Big most = Big::of(std::numeric_limits<std::int64_t>::max(), 0);
    if (Big::compare(big, most) > 0) big = most;
    if (big.unscaled > 0 && Big::compare(big, Big::of(1, 0)) < 0)
      out.format_ = static_cast<std::int8_t>(Format::DecimalSI);
  }
  if (!parts.positive) big.unscaled = -big.unscaled;
  out.set_big(std::move(big));
  return out;
}

Quantity Quantity::from_value(std::int64_t units, Format format) {
  Quantity out;
  out.value_ = units;
  out.format_ = static_cast<std::int8_t>(format);
  return out;
}

Quantity Quantity::from_milli(std::int64_t thousandths, Format format) {
  Quantity out = from_value(thousandths, format);
  out.scale_ = -3;
  return out;
}

std::string_view Quantity::format_name() const {
  switch (format_) {
    case static_cast<int>(Format::DecimalSI):
      return "DecimalSI";
    case static_cast<int>(Format::BinarySI):
      return "BinarySI";
    case static_cast<int>(Format::DecimalExponent):
      return "DecimalExponent";
    default:
      return "";
  }
}

namespace {

/// digits * 10^exponent with the exponent brought to a multiple of three.
std::string decimal_text(std::string digits, int exponent, bool scientific) {
  std::size_t keep = digits.size();
  while (keep > 1 && digits[keep - 1] == '0') --keep;
  exponent += static_cast<int>(digits.size() - keep);
  digits.resize(keep);
  for (; exponent % 3 != 0; --exponent) digits += '0';
  if (!scientific) return digits.append(suffix_text(10, exponent));
  if (exponent != 0) digits.append("e").append(std::to_string(exponent));
  return digits;
}

template <class Int>
std::string binary_text(Int value, std::string (*print)(const Int&)) {
  int exponent = 0;
  while (value != 0 && value % 1024 == 0) {
    value /= 1024;
    exponent += 10;
  }
  return print(value).append(suffix_text(2, exponent));
}

}  // namespace

std::string Quantity::text() const {
  if (rare_ && !rare_->big) return rare_->written;
  if (is_zero()) return "0";
  if (format_ == static_cast<int>(Format::BinarySI)) {
    const Quantity limit = from_value(1024), negative_limit = from_value(-1024);
    if (*this <= negative_limit || *this >= limit) {
      Quantity whole = *this;
      if (whole.round_up(0)) {
        std::int64_t value = 0;
        if (whole.as_int64(value))
          return binary_text<std::int64_t>(value,
                                           [](const std::int64_t& n) { return std::to_string(n); });
        return binary_text<BigInt>(Big::of(whole).rounded_up(0).unscaled,
                                   [](const BigInt& n) { return n.str(); });
      }
    }
  }
  const bool scientific = format_ != static_cast<int>(Format::DecimalSI) &&
                          format_ != static_cast<int>(Format::BinarySI);
  if (const Big* large = big())
    return decimal_text(large->unscaled.str(), -large->scale, scientific);
  return decimal_text(std::to_string(value_), scale_, scientific);
}

std::int64_t Quantity::scaled_value(int scale) const {
  const Big* large = big();
  if (large == nullptr)
    return scale_ < scale ? scale_down(value_, scale - scale_).value
                          : scale_up(value_, scale_ - scale).value;
  const BigInt& unscaled = large->unscaled;
  const int places = large->scale + scale;
  if (places == 0) return low_bits(unscaled);
  if (places < 0) {
    const auto factor = static_cast<std::uint64_t>(go_int64(pow10(-places)));
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low_bits(unscaled)) * factor);
  }
  // Upstream's rounding below zero differs between its two ways of dividing; so does ours.
  if (unscaled < std::numeric_limits<std::int64_t>::max() && places <= 18) {
    const std::int64_t low = low_bits(unscaled);
    const std::int64_t divisor = kPowersOfTen[static_cast<std::size_t>(places)];
    return low / divisor + (low % divisor != 0 ? 1 : 0);
  }
  const BigInt divisor = power_of_ten(places);
  BigInt quotient, remainder;
  boost::multiprecision::divide_qr(unscaled, divisor, quotient, remainder);
  if (remainder < 0) {
    quotient -= 1;
    remainder += divisor;
  }
  const auto low = static_cast<std::uint64_t>(low_bits(quotient));
  return static_cast<std::int64_t>(low + (remainder != 0 ? 1U : 0U));
}

double Quantity::to_double() const {
  const Big* large = big();
  const double base = large ? nearest_double(large->unscaled) : static_cast<double>(value_);
  const int exponent = large ? -large->scale : scale_;
  return exponent == 0 ? base : base * pow10(exponent);
}

int Quantity::rare_sign() const {
  if (const Big* large = big()) return large->unscaled.sign();
  return value_ > 0 ? 1 : value_ < 0 ? -1 : 0;
}

void Quantity::add(const Quantity& other) {
  if (is_zero()) format_ = other.format_;
  if (!big() && !other.big()) {
    rare_.reset();
    if (other.value_ == 0) return;
    if (value_ == 0) {
      value_ = other.value_;
      scale_ = other.scale_;
      return;
    }
    const int scale = std::min(scale_, other.scale_);
    const Product a = scale_up(value_, scale_ - scale);
    const Product b = scale_up(other.value_, other.scale_ - scale);
    std::int64_t sum = 0;
    if (a.fits && b.fits && !__builtin_add_overflow(a.value, b.value, &sum)) {
      value_ = sum;
      scale_ = scale;
      return;
    }
  }
  const Big a = Big::of(*this), b = Big::of(other);
  const int scale = std::max(a.scale, b.scale);
  set_big({a.at_scale(scale) + b.at_scale(scale), scale});
}

void Quantity::sub(const Quantity& other) {
  Quantity negated = other;
  negated.negate();
  add(negated);
}

void Quantity::negate() {
  if (const Big* large = big()) {
    set_big({-large->unscaled, large->scale});
    return;
  }
  rare_.reset();
  if (value_ == kLowest)
    set_big({-BigInt(value_), -scale_});
  else
    value_ = -value_;
}

bool Quantity::mul(std::int64_t factor) {
  if (!big()) {
    rare_.reset();
    if (value_ == 0) return true;
    if (factor == 0) {
      value_ = 0;
      scale_ = 0;
      return true;
    }
    const Product whole = scale_ > 0 ? scale_up(value_, scale_) : Product{value_, true};
    const Product product = whole.fits ? multiply(whole.value, factor) : whole;
    // Below whole units upstream keeps int64 only where the product has no smaller part.
    if (product.fits && (scale_ >= 0 || scale_down(product.value, -scale_).fits)) {
      value_ = product.value;
      scale_ = std::min(scale_, 0);
      return true;
    }
  }
  Big product = Big::of(*this);
  product.unscaled *= factor;
  const bool fits =
      product.unscaled <= std::numeric_limits<std::int64_t>::max() && product.unscaled >= kLowest;
  set_big(std::move(product));
  return fits;
}

bool Quantity::round_up(int scale) {
  if (const Big* large = big()) {
    Big rounded = large->rounded_up(-scale);
    const bool exact = Big::compare(rounded, *large) == 0;
    set_big(std::move(rounded));
    return exact;
  }
  if (scale_ >= scale) return true;
  rare_.reset();
  const Product rounded = scale_down(value_, scale - scale_);
  value_ = rounded.value;
  scale_ = scale;
  return rounded.fits;
}

bool Quantity::as_int64(std::int64_t& out) const {
  if (big() || scale_ < 0) return false;
  const Product product = scale_up(value_, scale_);
  out = product.value;
  return product.fits;
}

std::strong_ordering Quantity::compare(const Quantity& other) const {
  if (!big() && !other.big()) {
    if (scale_ == other.scale_) return value_ <=> other.value_;
    if (const int mine = sign(), theirs = other.sign(); mine != theirs || mine == 0)
      return mine <=> theirs;
    const int scale = std::min(scale_, other.scale_);
    const Product a = scale_up(value_, scale_ - scale);
    const Product b = scale_up(other.value_, other.scale_ - scale);
    if (a.fits && b.fits) return a.value <=> b.value;
  }
  return Big::compare(Big::of(*this), Big::of(other));
}

}  // namespace gputide
