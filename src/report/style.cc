#include "report/style.h"

#include <algorithm>

#include <fmt/format.h>

namespace gputide::report {

std::string paint(std::string_view text, Colour colour, const TextStyle& style) {
  static constexpr std::string_view kCodes[] = {"", "2", "1", "31", "32", "33", "34", "36"};
  if (!style.colour || colour == Colour::Plain || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(colour)], text);
}

std::string clock_text(Duration since_start) {
  const std::int64_t seconds = since_start.whole_seconds();
  const std::int64_t days = seconds / 86'400;
  const std::int64_t hours = seconds / 3600 % 24;
  const std::int64_t minutes = seconds / 60 % 60;
  if (days == 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, seconds % 60);
  return fmt::format("{}d {:02}:{:02}:{:02}", days, hours, minutes, seconds % 60);
}

std::string span_text(Duration span) {
  if (span < Duration()) return "-" + span_text(-span);
  const std::int64_t tenths = (span.nanoseconds() + 50'000'000) / 100'000'000;
  if (tenths < 100 && tenths % 10 != 0) return fmt::format("{}.{}s", tenths / 10, tenths % 10);
  const std::int64_t seconds = (span.nanoseconds() + 500'000'000) / 1'000'000'000;
  if (seconds < 60) return fmt::format("{}s", seconds);
  const auto two = [](std::int64_t big, char big_unit, std::int64_t small, char small_unit) {
    return small == 0 ? fmt::format("{}{}", big, big_unit)
                      : fmt::format("{}{}{}{}", big, big_unit, small, small_unit);
  };
  if (seconds < 3600) return two(seconds / 60, 'm', seconds % 60, 's');
  if (seconds < 86'400) return two(seconds / 3600, 'h', seconds / 60 % 60, 'm');
  if (seconds >= 8'640'000) return count_text(seconds / 86'400) + "d";
  return two(seconds / 86'400, 'd', seconds / 3600 % 24, 'h');
}

std::string count_text(std::int64_t n) {
  std::string digits = std::to_string(n < 0 ? -n : n);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return n < 0 ? "-" + digits : digits;
}

std::string money_text(Money amount) {
  if (amount < Money()) return "-" + money_text(-amount);
  const std::int64_t micros = amount.micros();
  if (micros == 0) return "$0";
  if (micros < 10'000) return fmt::format("$0.{:04}", (micros + 50) / 100);
  const std::int64_t cents = (micros + 5000) / 10'000;
  return fmt::format("${}.{:02}", count_text(cents / 100), cents % 100);
}

std::string price_text(Money per_hour) {
  const std::int64_t micros = per_hour.micros();
  if (micros < 1000 || micros >= 1'000'000) return money_text(per_hour);
  return fmt::format("$0.{:03}", std::min<std::int64_t>(999, (micros + 500) / 1000));
}

std::string group_text(std::string_view name) {
  constexpr std::string_view kMiddle = "-nodegroup-";
  constexpr std::string_view kEnd = "-NodeGroup";
  constexpr std::size_t kUuid = 37;  // with its dash
  if (name.starts_with("eksctl-")) {
    const std::size_t from = name.find(kMiddle);
    const std::size_t to = name.rfind(kEnd);
    if (from != std::string_view::npos && to != std::string_view::npos && to > from)
      return std::string(name.substr(from + kMiddle.size(), to - from - kMiddle.size()));
  }
  if (name.starts_with("eks-") && name.size() > kUuid + 4 && name[name.size() - kUuid] == '-')
    return std::string(name.substr(4, name.size() - kUuid - 4));
  return std::string(name);
}

std::string plural(std::int64_t n, std::string_view one, std::string_view many) {
  if (n == 1) return fmt::format("1 {}", one);
  if (!many.empty()) return fmt::format("{} {}", count_text(n), many);
  return fmt::format("{} {}s", count_text(n), one);
}

std::string percent_text(std::int64_t part, std::int64_t whole) {
  if (whole <= 0) return "0 %";
  const auto doubled = static_cast<__int128>(part) * 200 + whole;
  return fmt::format("{} %",
                     static_cast<std::int64_t>(doubled / (static_cast<__int128>(whole) * 2)));
}

std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u;
  }));
}

std::string pad(std::string_view text, std::size_t width) {
  const std::size_t used = columns(text);
  return std::string(text) + std::string(used < width ? width - used : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t width) {
  const std::size_t used = columns(text);
  return std::string(used < width ? width - used : 0, ' ') + std::string(text);
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  if (width == 0 || columns(text) <= width) return {std::string(text)};
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::string_view word = text.substr(0, space);
    if (!line.empty() && columns(line) + 1 + columns(word) > width) {
      lines.push_back(std::move(line));
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
    text = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  }
  lines.push_back(std::move(line));
  return lines;
}

void NamePattern::add(std::string_view name) {
  if (first_.empty()) {
    first_ = name;
    common_ = name.size();
    return;
  }
  if (name == first_) return;
  differ_ = true;
  const std::size_t most = std::min(common_, name.size());
  const auto end = first_.begin() + static_cast<std::ptrdiff_t>(most);
  common_ = static_cast<std::size_t>(std::mismatch(first_.begin(), end, name.begin()).first -
                                     first_.begin());
}

std::string NamePattern::text() const {
  if (!differ_) return first_;
  // Only whole words of a name are told.
  const std::size_t cut = std::string_view(first_).substr(0, common_).find_last_of("-/.");
  return first_.substr(0, cut == std::string::npos ? 0 : cut + 1) + "*";
}

}  // namespace gputide::report
