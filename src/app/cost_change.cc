// What a change of the files does to the cost.
#include <algorithm>

#include <fmt/core.h>

#include "app/cost_view.h"
#include "app/table.h"
#include "base/text.h"
#include "report/style.h"

namespace gputide::app {
namespace {

using pricing::CostLine;
using pricing::LineChange;
using pricing::Size;
using pricing::SizeCost;

// The types, or the markets, in which a line may buy, each once, cheapest first.
std::vector<std::string> distinct(const CostLine& line, std::string pricing::Choice::* field) {
  std::vector<std::string> found;
  for (const pricing::Choice& choice : line.choices)
    if (std::find(found.begin(), found.end(), choice.*field) == found.end())
      found.push_back(choice.*field);
  return found;
}

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return names;
}

void compare(std::string_view what, std::string from, std::string to,
             std::vector<std::string>& words) {
  if (from == to) return;
  words.push_back(fmt::format("{}{} → {}", what, from, to));
}

// "g4dn.xlarge → g5.xlarge, max 3 → 10".
std::string words_of(const LineChange& change) {
  if (!change.before) return "added";
  if (!change.after) return "removed";
  const CostLine &a = *change.before, &b = *change.after;
  std::vector<std::string> words;
  compare("Kubernetes ", a.version, b.version, words);
  for (const auto field : {&pricing::Choice::type, &pricing::Choice::market}) {
    const auto from = distinct(a, field), to = distinct(b, field);
    if (sorted(from) != sorted(to)) words.push_back(types_text(from) + " → " + types_text(to));
  }
  static constexpr const char* kSizeWords[] = {"min ", "desired ", "max "};
  for (std::size_t s = 0; s < a.at.size(); ++s)
    compare(kSizeWords[s], std::to_string(a.at[s].nodes), std::to_string(b.at[s].nodes), words);
  compare("volume GiB ", std::to_string(a.volume_gib), std::to_string(b.volume_gib), words);
  return words.empty() ? "prices" : join(words, ", ");
}

std::string signed_text(std::string amount, Money difference) {
  if (difference == Money()) return "=";
  return (difference > Money() ? "+" : "-") + std::move(amount);
}

Money size_of(Money difference) {
  return difference < Money() ? -difference : difference;
}

std::string hour_change(Money difference) {
  return signed_text("$" + size_of(difference).text(4), difference);
}

std::string month_change(Money difference) {
  return signed_text(report::money_text(pricing::per_month(size_of(difference))), difference);
}

// "=", "$0.1000 → $0.2000 (+$0.1000)", "no limit → $2.0000".
std::string change_text(const SizeCost& a, const SizeCost& b) {
  const std::string from = hour_text(a), to = hour_text(b);
  if (from == to) return a.per_hour == Money() && !a.unlimited ? "$0" : from;
  if (a.unlimited || b.unlimited || a.unpriced > 0 || b.unpriced > 0) return from + " → " + to;
  return fmt::format("{} → {} ({})", from, to, hour_change(b.per_hour - a.per_hour));
}

Row row_of(std::string name, std::string words,
           const std::array<SizeCost, pricing::kSizes.size()>& a,
           const std::array<SizeCost, pricing::kSizes.size()>& b) {
  Row row{std::move(name), std::move(words)};
  for (std::size_t s = 0; s < a.size(); ++s) row.push_back(change_text(a[s], b[s]));
  return row;
}

void print_lines(const std::vector<CostLine>& a, const std::vector<CostLine>& b) {
  std::vector<Row> table{{"", "CHANGE FROM A TO B", "MIN, $/H", "DESIRED, $/H", "MAX, $/H"}};
  std::vector<std::string> equal;
  for (const LineChange& each : pricing::changes(a, b)) {
    const CostLine& some = each.after ? *each.after : *each.before;
    if (each.equal()) {
      equal.push_back(some.name);
      continue;
    }
    const CostLine none;
    table.push_back(row_of(some.name, words_of(each), (each.before ? *each.before : none).at,
                           (each.after ? *each.after : none).at));
  }
  std::array<SizeCost, pricing::kSizes.size()> from, to;
  Row month{fmt::format("a month ({} h)", pricing::kHoursAMonth), ""};
  for (const Size size : pricing::kSizes) {
    const auto s = static_cast<std::size_t>(size);
    from[s] = pricing::total(a, size);
    to[s] = pricing::total(b, size);
    month.push_back(from[s].unlimited || to[s].unlimited
                        ? ""
                        : month_change(to[s].per_hour - from[s].per_hour));
  }
  table.push_back(row_of("all, an hour", "", from, to));
  table.push_back(std::move(month));
  print_table(table, "llrrr");
  if (!equal.empty()) fmt::print("equal: {}\n", join(equal, ", "));
}

std::string nodes_text(const PricedFiles& files) {
  const auto& machines = files.plan->machines;
  const auto bought = std::count_if(machines.begin(), machines.end(),
                                    [](const auto& machine) { return !machine.pods.empty(); });
  std::string text = fmt::format("{} on {} at {} an hour",
                                 report::plural(std::ssize(files.demand.problem.pods), "pod"),
                                 report::plural(bought, "node"), price_text(files.plan->per_hour));
  if (!files.plan->unplaced.empty())
    text += fmt::format(", {} without a node", files.plan->unplaced.size());
  if (files.plan->per_hour == Money()) return text;
  return text + fmt::format(", price ÷ bound {}", ratio_text(*files.plan));
}

void print_pods(const PricedFiles& a, const PricedFiles& b) {
  const auto show = [](const char* name, const PricedFiles& files) {
    if (files.plan) fmt::print("{}: {}\n", name, nodes_text(files));
  };
  if (!a.plan && !b.plan) return;
  fmt::print("\nfor the pods alone, on new nodes:\n");
  show("A", a);
  show("B", b);
  // Unless as many pods find a node, the prices are not of the same work.
  if (!a.plan || !b.plan || a.plan->unplaced.size() != b.plan->unplaced.size()) return;
  const Money difference = b.plan->per_hour - a.plan->per_hour;
  if (difference == Money()) return fmt::print("B costs as much as A\n");
  fmt::print("B - A: {} an hour, {} a month\n", hour_change(difference), month_change(difference));
}

}  // namespace

void print_change(const PricedFiles& a, const PricedFiles& b) {
  print_lines(a.lines, b.lines);
  print_pods(a, b);
}

}  // namespace gputide::app
