#include "base/time.h"

#include <array>
#include <cstdio>
#include <limits>

#include <fmt/format.h>

#include "base/text.h"

namespace gputide {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kTwoTo63 = std::uint64_t{1} << 63U;

/// Go's quoting inside the time package: bytes outside printable ASCII as \xNN.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || byte < ' ') {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + '"';
}

struct DurationUnit {
  std::string_view name;
  std::uint64_t nanoseconds;
};
constexpr DurationUnit kUnits[] = {
    {"ns", 1},         {"us", 1000},         {"\u00b5s", 1000},     {"\u03bcs", 1000},
    {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000},
};

/// Digits into `value`; false beyond 2^63.
bool leading_int(std::string_view& text, std::uint64_t& value) {
  value = 0;
  while (!text.empty() && is_digit(text.front())) {
    if (value > kTwoTo63 / 10) return false;
    value = value * 10 + static_cast<std::uint64_t>(text.front() - '0');
    if (value > kTwoTo63) return false;
    text.remove_prefix(1);
  }
  return true;
}

/// Digits after the point: value / scale. Digits that no longer fit are read and dropped.
void leading_fraction(std::string_view& text, std::uint64_t& value, double& scale) {
  bool full = false;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
    if (full) continue;
    if (value > (kTwoTo63 - 1) / 10) {
      full = true;
      continue;
    }
    const std::uint64_t next = value * 10 + static_cast<std::uint64_t>(text.front() - '0');
    if (next > kTwoTo63) {
      full = true;
      continue;
    }
    value = next;
    scale *= 10;
  }
}

/// One "12.5m" from the front of `text` into `nanoseconds`; on failure says why.
tl::expected<void, Error> take_term(std::string_view& text, std::string_view whole_text,
                                    std::uint64_t& nanoseconds) {
  const auto invalid = [&] { return fail("time: invalid duration " + quoted(whole_text)); };
  if (text.front() != '.' && !is_digit(text.front())) return invalid();
  const std::size_t before = text.size();
  std::uint64_t value = 0;
  if (!leading_int(text, value)) return invalid();
  bool any_digit = text.size() != before;
  std::uint64_t fraction = 0;
  double scale = 1;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    const std::size_t after_point = text.size();
    leading_fraction(text, fraction, scale);
    any_digit = any_digit || text.size() != after_point;
  }
  if (!any_digit) return invalid();
  std::size_t length = 0;
  while (length < text.size() && text[length] != '.' && !is_digit(text[length])) ++length;
  if (length == 0) return fail("time: missing unit in duration " + quoted(whole_text));
  const std::string_view name = text.substr(0, length);
  text.remove_prefix(length);
  std::uint64_t unit = 0;
  for (const DurationUnit& known : kUnits)
    if (known.name == name) unit = known.nanoseconds;
  if (unit == 0)
    return fail("time: unknown unit " + quoted(name) + " in duration " + quoted(whole_text));
  if (value > kTwoTo63 / unit) return invalid();
  value *= unit;
  if (fraction > 0) {
    value += static_cast<std::uint64_t>(static_cast<double>(fraction) *
                                        (static_cast<double>(unit) / scale));
    if (value > kTwoTo63) return invalid();
  }
  nanoseconds += value;
  if (nanoseconds > kTwoTo63) return invalid();
  return {};
}

/// `value` / 10^places without trailing zeros: 1500, 3 -> "1.5".
std::string with_fraction(std::uint64_t value, int places) {
  std::uint64_t unit = 1;
  for (int i = 0; i < places; ++i) unit *= 10;
  std::string out = std::to_string(value / unit);
  if (const std::uint64_t rest = value % unit; rest != 0) {
    std::string digits = fmt::format("{:0{}}", rest, places);
    digits.resize(digits.find_last_not_of('0') + 1);
    out += '.' + digits;
  }
  return out;
}

}  // namespace

Result<Duration> Duration::parse(std::string_view text) {
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest.front() == '-' || rest.front() == '+')) {
    negative = rest.front() == '-';
    rest.remove_prefix(1);
  }
  if (rest == "0") return Duration();
  if (rest.empty()) return fail("time: invalid duration " + quoted(text));
  std::uint64_t total = 0;
  while (!rest.empty())
    if (auto taken = take_term(rest, text, total); !taken) return tl::unexpected(taken.error());
  if (negative) return Duration(static_cast<std::int64_t>(0 - total));
  if (total > kTwoTo63 - 1) return fail("time: invalid duration " + quoted(text));
  return Duration(static_cast<std::int64_t>(total));
}

std::string Duration::text() const {
  if (ns_ == 0) return "0s";
  const std::string sign = ns_ < 0 ? "-" : "";
  const std::uint64_t n =
      ns_ < 0 ? 0 - static_cast<std::uint64_t>(ns_) : static_cast<std::uint64_t>(ns_);
  if (n < 1000) return sign + std::to_string(n) + "ns";
  if (n < 1'000'000) return sign + with_fraction(n, 3) + "\u00b5s";
  if (n < kSecond) return sign + with_fraction(n, 6) + "ms";
  constexpr std::uint64_t kMinute = 60ULL * kSecond;
  const std::uint64_t minutes = n / kMinute;
  std::string out = sign;
  if (minutes >= 60) out += std::to_string(minutes / 60) + 'h';
  if (minutes > 0) out += std::to_string(minutes % 60) + 'm';
  return out + with_fraction(n % kMinute, 9) + 's';
}

// --- RFC 3339 ---

namespace {

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and back. The year is taken
/// to begin in March, so that leap days come last.
std::int64_t days_from_date(std::int64_t year, int month, int day) {
  year -= month <= 2;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

struct Date {
  std::int64_t year;
  int month, day;
};
Date date_from_days(std::int64_t days) {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t day_of_era = days - era * 146097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const auto day_of_year =
      static_cast<int>(day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100));
  const int shifted = (5 * day_of_year + 2) / 153;
  const int month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * shifted + 2) / 5 + 1};
}

int days_in(int month, std::int64_t year) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

/// Reads a time as Go's time.Parse does for the layouts of metav1.Time and MicroTime.
class TimeReader {
 public:
  TimeReader(std::string_view text, bool micro) : text_(text), rest_(text), micro_(micro) {}

  Result<std::int64_t> read() {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    std::int64_t offset = 0;
    const bool ok = take_year(year) && skip('-') && take_two(month, "01") &&
                    in_range(month >= 1 && month <= 12, "month") && skip('-') &&
                    take_two(day, "02") && skip('T') && take_hour(hour) &&
                    in_range(hour < 24, "hour") && skip(':') && take_two(minute, "04") &&
                    in_range(minute < 60, "minute") && skip(':') && take_two(second, "05") &&
                    in_range(second < 60, "second") && take_fraction() && take_zone(offset) &&
                    take_end();
    if (!ok) return fail("parsing time " + quoted(text_) + why_);
    if (day < 1 || day > days_in(month, year))
      return fail("parsing time " + quoted(text_) + ": day out of range");
    const std::int64_t seconds = days_from_date(year, month, day) * 86400 +
                                 std::int64_t{hour} * 3600 + std::int64_t{minute} * 60 + second -
                                 offset;
    std::int64_t ns = 0;
    // Borrow a second below zero, so that the product cannot overflow where the sum would not.
    const bool before = seconds < 0;
    if (__builtin_mul_overflow(before ? seconds + 1 : seconds, kSecond, &ns) ||
        __builtin_add_overflow(ns, before ? fraction_ - kSecond : fraction_, &ns))
      return fail("parsing time " + quoted(text_) +
                  ": years before 1678 and after 2261 cannot be "
                  "kept");
    return ns;
  }

 private:
  bool cannot(std::string_view at, std::string_view element) {
    const std::string_view layout =
        micro_ ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00";
    why_ = " as " + quoted(layout) + ": cannot parse " + quoted(at) + " as " + quoted(element);
    return false;
  }
  bool in_range(bool holds, std::string_view what) {
    if (!holds) why_ = fmt::format(": {} out of range", what);
    return holds;
  }
  bool skip(char c) {
    if (rest_.empty() || rest_.front() != c) return cannot(rest_, std::string_view(&c, 1));
    rest_.remove_prefix(1);
    return true;
  }
  bool digit_at(std::size_t i) const { return i < rest_.size() && is_digit(rest_[i]); }
  static int number(std::string_view digits) {
    int value = 0;
    for (const char c : digits) value = value * 10 + (c - '0');
    return value;
  }
  bool take_year(int& year) {
    for (std::size_t i = 0; i < 4; ++i)
      if (!digit_at(i)) return cannot(rest_, "2006");
    year = number(rest_.substr(0, 4));
    rest_.remove_prefix(4);
    return true;
  }
  bool take_two(int& value, std::string_view element) {
    if (!digit_at(0) || !digit_at(1)) return cannot(rest_, element);
    value = number(rest_.substr(0, 2));
    rest_.remove_prefix(2);
    return true;
  }
  bool take_hour(int& hour) {  // Go takes one digit here too
    if (digit_at(0) && !digit_at(1)) {
      hour = number(rest_.substr(0, 1));
      rest_.remove_prefix(1);
      return true;
    }
    return take_two(hour, "15");
  }
  bool take_fraction() {
    const bool point = rest_.size() >= 2 && (rest_[0] == '.' || rest_[0] == ',') && digit_at(1);
    std::size_t length = 0;
    while (point && digit_at(1 + length)) ++length;
    if (micro_) {
      if (rest_.size() < 7 || length < 6) return cannot(rest_, ".000000");
      length = 6;
    } else if (!point) {
      return true;
    }
    std::int64_t unit = kSecond / 10;
    for (std::size_t i = 1; i <= length; ++i, unit /= 10) fraction_ += unit * (rest_[i] - '0');
    rest_.remove_prefix(1 + length);
    return true;
  }
  bool take_zone(std::int64_t& offset) {
    if (!rest_.empty() && rest_.front() == 'Z') {
      rest_.remove_prefix(1);
      return true;
    }
    const std::string_view hold = rest_;
    if (rest_.size() < 6 || rest_[3] != ':' || !digit_at(1) || !digit_at(2) || !digit_at(4) ||
        !digit_at(5) || (rest_[0] != '+' && rest_[0] != '-'))
      return cannot(hold, "Z07:00");
    const int hours = number(rest_.substr(1, 2)), minutes = number(rest_.substr(4, 2));
    rest_.remove_prefix(6);
    offset = (std::int64_t{hours} * 60 + minutes) * 60;
    if (hold[0] == '-') offset = -offset;
    return in_range(hours <= 24, "time zone offset hour") &&
           in_range(minutes <= 60, "time zone offset minute");
  }
  bool take_end() {
    if (rest_.empty()) return true;
    why_ = ": extra text: " + quoted(rest_);
    return false;
  }

  std::string_view text_, rest_;
  bool micro_;
  std::int64_t fraction_ = 0;
  std::string why_;
};

std::string date_and_time(std::int64_t unix_seconds) {
  std::int64_t days = unix_seconds / 86400, second = unix_seconds % 86400;
  if (second < 0) {
    second += 86400;
    --days;
  }
  const Date date = date_from_days(days);
  if (date.year < 0 || date.year > 9999)
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", date.year, date.month, date.day,
                       second / 3600, second / 60 % 60, second % 60);
  // Every write of a status has one of these: digit by digit it costs a tenth.
  std::string text;
  text.reserve(std::string_view("0000-00-00T00:00:00.000000Z").size());
  text = "0000-00-00T00:00:00";
  const auto two = [&](std::size_t at, std::int64_t value) {
    text[at] = static_cast<char>('0' + value / 10);
    text[at + 1] = static_cast<char>('0' + value % 10);
  };
  two(0, date.year / 100);
  two(2, date.year % 100);
  two(5, date.month);
  two(8, date.day);
  two(11, second / 3600);
  two(14, second / 60 % 60);
  two(17, second % 60);
  return text;
}

}  // namespace

Result<Instant> Instant::parse_rfc3339(std::string_view text) {
  return TimeReader(text, false).read().map(from_nanoseconds);
}

Result<Instant> Instant::parse_rfc3339_micro(std::string_view text) {
  return TimeReader(text, true).read().map(from_nanoseconds);
}

std::string Instant::rfc3339() const {
  std::string text = date_and_time(unix_seconds());
  text += 'Z';
  return text;
}

std::string Instant::rfc3339_micro() const {
  const std::int64_t seconds = unix_seconds();
  // Not seconds * 1e9: at the ends of the range that product does not fit.
  const std::int64_t rest = ns_ % kSecond < 0 ? ns_ % kSecond + kSecond : ns_ % kSecond;
  return date_and_time(seconds) + fmt::format(".{:06}Z", rest / 1000);
}

}  // namespace gputide
