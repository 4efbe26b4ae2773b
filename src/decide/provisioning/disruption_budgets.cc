#include "decide/provisioning/disruption_budgets.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"

namespace gputide::provisioning {
namespace {

struct Bounds {
  std::uint64_t least, most;
  std::span<const std::string_view> names;  // the first names `least`
};

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kDays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Field {
  std::uint64_t bits = 0;
  bool star = false;
  bool has(std::int64_t n) const { return (bits >> n & 1) != 0; }
};

struct Schedule {
  Field minute, hour, day, month, weekday;
  std::optional<Duration> every;
};

Result<std::uint64_t> number(std::string_view text, const Bounds& bounds) {
  const std::string lower = to_lower(text);
  for (std::size_t i = 0; i < bounds.names.size(); ++i)
    if (bounds.names[i] == lower) return bounds.least + i;
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return fail(fmt::format("failed to parse int from {}: strconv.Atoi: parsing {}: invalid syntax",
                            text, quote(text)));
  if (n < 0) return fail(fmt::format("negative number ({}) not allowed: {}", n, text));
  return static_cast<std::uint64_t>(n);
}

// number, low-high, * and /step of each.
Result<Field> range(std::string_view text, const Bounds& bounds) {
  const auto steps = split(text, '/');
  const auto ends = split(steps[0], '-');
  Field out;
  std::uint64_t start = bounds.least, stop = bounds.most;
  if (ends[0] == "*" || ends[0] == "?") {
    out.star = true;
  } else {
    const auto low = number(ends[0], bounds);
    if (!low) return fail(low.error().message);
    start = stop = *low;
    if (ends.size() > 2) return fail(fmt::format("too many hyphens: {}", text));
    if (ends.size() == 2) {
      const auto high = number(ends[1], bounds);
      if (!high) return fail(high.error().message);
      stop = *high;
    }
  }
  std::uint64_t step = 1;
  if (steps.size() > 2) return fail(fmt::format("too many slashes: {}", text));
  if (steps.size() == 2) {
    const auto by = number(steps[1], {});
    if (!by) return fail(by.error().message);
    step = *by;
    if (ends.size() == 1 && !out.star) stop = bounds.most;
    if (step > 1) out.star = false;
  }
  if (start < bounds.least)
    return fail(
        fmt::format("beginning of range ({}) below minimum ({}): {}", start, bounds.least, text));
  if (stop > bounds.most)
    return fail(fmt::format("end of range ({}) above maximum ({}): {}", stop, bounds.most, text));
  if (start > stop)
    return fail(
        fmt::format("beginning of range ({}) beyond end of range ({}): {}", start, stop, text));
  if (step == 0) return fail(fmt::format("step of range should be a positive number: {}", text));
  for (std::uint64_t n = start; n <= stop; n += step) out.bits |= std::uint64_t{1} << n;
  return out;
}

Result<Field> field(std::string_view text, const Bounds& bounds) {
  Field out;
  for (const std::string_view part : split(text, ',')) {
    if (part.empty()) continue;
    const auto one = range(part, bounds);
    if (!one) return fail(one.error().message);
    out.bits |= one->bits;
    out.star = out.star || one->star;
  }
  return out;
}

Result<Schedule> parse(std::string_view text) {
  std::string spelled(text);
  if (text.starts_with('@')) {
    if (text.starts_with("@every ")) {
      const auto every = Duration::parse(text.substr(7));
      if (!every)
        return fail(fmt::format("failed to parse duration {}: {}", text, every.error().message));
      Schedule out;
      out.every = Duration::seconds(std::max<std::int64_t>(1, every->whole_seconds()));
      return out;
    }
    if (text == "@yearly" || text == "@annually")
      spelled = "0 0 1 1 *";
    else if (text == "@monthly")
      spelled = "0 0 1 * *";
    else if (text == "@weekly")
      spelled = "0 0 * * 0";
    else if (text == "@daily" || text == "@midnight")
      spelled = "0 0 * * *";
    else if (text == "@hourly")
      spelled = "0 * * * *";
    else
      return fail(fmt::format("unrecognized descriptor: {}", text));
  }
  std::vector<std::string> fields;
  for (const std::string_view part : split(spelled, ' '))
    if (!trim(part).empty()) fields.emplace_back(trim(part));
  if (fields.size() != 5)
    return fail(
        fmt::format("expected exactly 5 fields, found {}: [{}]", fields.size(), join(fields, " ")));
  Schedule out;
  const Bounds bounds[] = {{0, 59, {}}, {0, 23, {}}, {1, 31, {}}, {1, 12, kMonths}, {0, 6, kDays}};
  Field* into[] = {&out.minute, &out.hour, &out.day, &out.month, &out.weekday};
  for (std::size_t i = 0; i < 5; ++i) {
    const auto one = field(fields[i], bounds[i]);
    if (!one) return fail(one.error().message);
    *into[i] = *one;
  }
  return out;
}

struct Date {
  std::int64_t year, month, day;
};

Date civil(std::int64_t days) {  // since 1970-01-01
  const std::int64_t z = days + 719468;
  const std::int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const std::int64_t doe = z - era * 146097;
  const std::int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const std::int64_t mp = (5 * doy + 2) / 153;
  const std::int64_t month = mp < 10 ? mp + 3 : mp - 9;
  return {yoe + era * 400 + (month <= 2 ? 1 : 0), month, doy - (153 * mp + 2) / 5 + 1};
}

bool day_matches(const Schedule& s, std::int64_t days) {
  const Date date = civil(days);
  const bool by_day = s.day.has(date.day), by_weekday = s.weekday.has((days % 7 + 11) % 7);
  if (!s.month.has(date.month)) return false;
  return s.day.star || s.weekday.star ? by_day && by_weekday : by_day || by_weekday;
}

std::optional<Instant> next(const Schedule& s, Instant from) {
  if (s.every) return Instant::from_seconds((from + *s.every).unix_seconds());
  const std::int64_t first = from.unix_seconds() / 60 + 1;  // minutes: the first after `from`
  const std::int64_t last_year = civil(first / 1440).year + 5;
  for (std::int64_t days = first / 1440; civil(days).year <= last_year; ++days) {
    if (!day_matches(s, days)) continue;
    for (std::int64_t m = std::max(first, days * 1440); m < (days + 1) * 1440; ++m)
      if (s.hour.has(m % 1440 / 60) && s.minute.has(m % 60)) return Instant::from_seconds(m * 60);
  }
  return std::nullopt;
}

// Of a number or percentage of nodes.
Result<std::int64_t> scaled(const std::string& text, std::int64_t nodes) {
  const auto parse_int = [](std::string_view t, std::int64_t& n) {
    if (t.starts_with('+') && t.size() > 1 && t[1] != '-') t.remove_prefix(1);
    const auto [end, error] = std::from_chars(t.data(), t.data() + t.size(), n);
    return !t.empty() && error == std::errc() && end == t.data() + t.size();
  };
  std::int64_t n = 0;
  if (parse_int(text, n)) return n;
  if (!text.ends_with('%'))
    return fail("invalid value for IntOrString: invalid type: string is not a percentage");
  const std::string digits = text.substr(0, text.size() - 1);
  if (!parse_int(digits, n))
    return fail(fmt::format(
        "invalid value for IntOrString: invalid value {}: strconv.Atoi: parsing {}: invalid syntax",
        quote(text), quote(digits)));
  const std::int64_t product = n * nodes;
  return product / 100 + (product % 100 > 0 ? 1 : 0);
}

}  // namespace

Result<std::optional<Instant>> next_cron(std::string_view text, Instant from) {
  const auto schedule = parse(text);
  if (!schedule) return fail(schedule.error().message);
  return next(*schedule, from);
}

Result<bool> budget_active(const Budget& budget, Instant now) {
  if (!budget.schedule && !budget.duration) return true;
  Duration lasts;
  if (budget.duration)
    if (const auto d = Duration::parse(*budget.duration)) lasts = *d;
  const auto hit = next_cron(budget.schedule.value_or(""), now - lasts);
  if (!hit)
    return fail(
        fmt::format("invariant violated, invalid cron, {} (cron=<nil>)", hit.error().message));
  return !*hit || **hit <= now;
}

std::optional<Instant> next_budget_change(const Budget& budget, Instant now) {
  if (!budget.schedule) return std::nullopt;
  Duration lasts;
  if (budget.duration)
    if (const auto d = Duration::parse(*budget.duration)) lasts = *d;
  const auto hit = next_cron(*budget.schedule, now - lasts);
  if (!hit || !*hit) return std::nullopt;
  return **hit > now ? **hit : **hit + lasts;
}

Allowed allowed_disruptions(std::span<const Budget> budgets, std::int64_t nodes,
                            std::string_view reason, Instant now) {
  Allowed out;
  for (const Budget& budget : budgets) {
    std::int64_t allows = 0;
    std::string error;
    if (const auto active = budget_active(budget, now); !active) {
      error = active.error().message;
    } else if (!*active) {
      allows = kUnlimited;
    } else if (const auto value = scaled(budget.nodes, nodes); value) {
      allows = *value;
    } else {
      error = value.error().message;
    }
    if (!error.empty()) out.error += (out.error.empty() ? "" : "; ") + error;
    const bool concerned =
        !budget.reasons ||
        std::find(budget.reasons->begin(), budget.reasons->end(), reason) != budget.reasons->end();
    if (concerned) out.nodes = std::min(out.nodes, allows);
  }
  return out;
}

Result<std::optional<Duration>> parse_nillable_duration(std::string_view text) {
  if (text == "Never") return std::nullopt;
  const auto parsed = Duration::parse(text);
  if (!parsed) return fail(parsed.error().message);
  return *parsed;
}

}  // namespace gputide::provisioning
