#include "app/cost_view.h"

#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "app/plan_view.h"
#include "app/reservation_use.h"
#include "app/table.h"
#include "base/text.h"
#include "decide/provisioning/bound.h"
#include "report/style.h"

namespace gputide::app {
namespace {

using pricing::Choice;
using pricing::CostLine;
using pricing::Instances;
using pricing::Size;
using pricing::SizeCost;

constexpr std::size_t kGpusShown = 8;

std::string with_marks(const SizeCost& cost, std::string amount) {
  if (cost.unlimited) return cost.per_hour == Money() ? "no limit" : amount + " + no limit";
  if (cost.at_most) amount = "≤ " + amount;
  return cost.unpriced > 0 ? amount + " + ?" : amount;
}

/// A row of the table: what a line buys in one market.
struct MarketRow {
  std::string market;
  std::vector<std::string> types;  // that are launched
  std::optional<Money> least, most, dearest;
  std::array<SizeCost, pricing::kSizes.size()> at{};
};

void widen(MarketRow& row, Money price) {
  row.least = std::min(row.least.value_or(price), price);
  row.most = std::max(row.most.value_or(price), price);
}

// Of a node group.
std::vector<MarketRow> market_rows(const CostLine& line) {
  std::vector<MarketRow> rows;
  const auto row_of = [&](const std::string& market) -> MarketRow& {
    for (MarketRow& row : rows)
      if (row.market == market) return row;
    return rows.emplace_back(MarketRow{market, {}, {}, {}, {}, {}});
  };
  for (const Instances& each : line.instances) {
    MarketRow& row = row_of(each.market);
    if (std::find(row.types.begin(), row.types.end(), each.type) == row.types.end())
      row.types.push_back(each.type);
    if (each.price) widen(row, *each.price);
    CostLine one;
    one.instances = {each};
    pricing::add_up(one);
    for (std::size_t s = 0; s < one.at.size(); ++s) row.at[s] += one.at[s];
  }
  for (const Choice& choice : line.choices) {
    if (line.instances.empty()) widen(row_of(choice.market), choice.price);
    for (MarketRow& row : rows)
      if (row.market == choice.market)
        row.dearest = std::max(row.dearest.value_or(choice.price), choice.price);
  }
  return rows;
}

std::string range_text(std::optional<Money> least, std::optional<Money> most) {
  if (!least) return "?";
  return least == most ? price_text(*least) : price_text(*least) + " to " + price_text(*most);
}

void add_sizes(const std::array<SizeCost, pricing::kSizes.size()>& at, bool with_nodes, Row& row) {
  for (const SizeCost& cost : at) {
    row.push_back(with_nodes && !cost.at_most && !cost.unlimited ? report::count_text(cost.nodes)
                                                                 : "");
    row.push_back(hour_text(cost));
  }
}

void add_group(const CostLine& line, std::vector<Row>& table) {
  for (const MarketRow& each : market_rows(line)) {
    Row row{line.name, types_text(each.types), each.market, range_text(each.least, each.most),
            each.dearest > each.most ? price_text(*each.dearest) : ""};
    add_sizes(each.at, true, row);
    table.push_back(std::move(row));
  }
}

void add_pool(const CostLine& line, std::vector<Row>& table) {
  std::set<std::string> types;
  for (const Choice& choice : line.choices) types.insert(choice.type);
  Row row{line.name, "nothing: no type is within its limits", "", "", ""};
  if (!line.choices.empty()) {
    const Choice& first = line.choices.front();
    const std::string more = types.size() > 1 ? fmt::format(" and {} more", types.size() - 1) : "";
    row = {line.name, first.type + more, first.market, price_text(first.price),
           line.choices.back().price > first.price ? price_text(line.choices.back().price) : ""};
  }
  add_sizes(line.at, true, row);
  table.push_back(std::move(row));
}

void print_lines(const std::vector<CostLine>& lines) {
  std::vector<Row> table{
      {"", "BUYS", "MARKET", "$/H EACH", "UP TO", "MIN", "$/H", "DESIRED", "$/H", "MAX", "$/H"}};
  for (const CostLine& line : lines) {
    if (line.kind == CostLine::Kind::NodeGroup) {
      add_group(line, table);
    } else if (line.kind == CostLine::Kind::NodePool) {
      add_pool(line, table);
    } else {
      Row row{line.name, "Kubernetes " + line.version, "", price_text(line.at[0].per_hour), ""};
      add_sizes(line.at, false, row);
      table.push_back(std::move(row));
    }
  }
  Row hour{"all, an hour", "", "", "", ""};
  Row month{fmt::format("a month ({} h)", pricing::kHoursAMonth), "", "", "", ""};
  for (const Size size : pricing::kSizes) {
    const SizeCost sum = pricing::total(lines, size);
    hour.push_back(sum.at_most || sum.unlimited ? "" : report::count_text(sum.nodes));
    hour.push_back(hour_text(sum));
    month.push_back("");
    month.push_back(month_text(sum));
  }
  table.push_back(std::move(hour));
  table.push_back(std::move(month));
  print_table(table, "lllrrrrrrrr");
}

std::string offered_text(const GpuPrice& price) {
  if (!price.sold) return "(AWS no longer sells it)";
  if (price.devices.empty()) return "nothing: no device plugin comes to it";
  std::vector<std::string> parts;
  for (const DevicePrice& device : price.devices)
    parts.push_back(fmt::format("{} × {}", device.count, device.resource));
  return join(parts, ", ");
}

std::string devices_price_text(const GpuPrice& price) {
  std::vector<std::string> parts;
  for (const DevicePrice& device : price.devices) parts.push_back(price_text(device.each));
  return join(parts, ", ");
}

// "4 × T4", "1/8 L4".
std::string gpus_text(const GpuPrice& price) {
  return price.gpu_eighths % 8 == 0 ? fmt::format("{} × {}", price.gpu_eighths / 8, price.gpu)
                                    : fmt::format("{}/8 {}", price.gpu_eighths, price.gpu);
}

void print_gpus(const std::vector<GpuPrice>& gpus) {
  if (gpus.empty()) return;
  std::vector<Row> table{
      {"GPUS", "TYPE", "MARKET", "$/H EACH", "$/H A GPU", "OFFERED AS", "$/H A DEVICE", "POOLS"}};
  for (std::size_t i = 0; i < std::min(gpus.size(), kGpusShown); ++i) {
    const GpuPrice& price = gpus[i];
    table.push_back({gpus_text(price), price.choice.type, price.choice.market,
                     price_text(price.choice.price), price_text(price.per_gpu()),
                     offered_text(price), devices_price_text(price), join(price.pools, ", ")});
  }
  fmt::print("\n");
  print_table(table, "lllrrlr");
  if (gpus.size() > kGpusShown) fmt::print("and {} dearer ones a GPU\n", gpus.size() - kGpusShown);
}

void print_pods(const PricedFiles& priced) {
  const auto pods = std::ssize(priced.demand.problem.pods);
  if (pods == 0) return;
  if (!priced.plan)
    return fmt::print("\n{}: there is nothing to buy nodes from\n", report::plural(pods, "pod"));
  const provisioning::ProvisionPlan& plan = *priced.plan;
  fmt::print("\nfor the {} alone, on new nodes:\n", report::plural(pods, "pod"));
  print_machines(priced.demand, plan);
  if (plan.per_hour > Money())
    fmt::print(
        "{} an hour, {} a month; these pools could not do it for less than {} (price ÷ bound: "
        "{})\n",
        price_text(plan.per_hour), report::money_text(pricing::per_month(plan.per_hour)),
        price_text(plan.lower_bound), ratio_text(plan));
  print_reservations(reservation_uses(priced.reservations, priced.demand, plan),
                     classes_without_reservations(priced.reservations, priced.demand));
  print_unplaced(priced.demand, plan);
  print_splits(priced.demand, plan);
}

// "240 GiB of root volumes at minSize, 2,400 GiB at maxSize".
std::string volumes_text(const std::vector<CostLine>& lines) {
  std::int64_t least = 0, most = 0;
  for (const CostLine& line : lines) {
    least += line.volume_gib * line.size(Size::Minimum).nodes;
    most += line.volume_gib * line.size(Size::Maximum).nodes;
  }
  return most == 0 ? "root volumes"
                   : fmt::format("root volumes ({} GiB at minSize, {} GiB at maxSize)",
                                 report::count_text(least), report::count_text(most));
}

bool has_spot(const std::vector<CostLine>& lines) {
  return std::any_of(lines.begin(), lines.end(), [](const CostLine& line) {
    return std::any_of(line.choices.begin(), line.choices.end(),
                       [](const Choice& choice) { return choice.market == "spot"; });
  });
}

void print_notes(const PricedFiles& priced) {
  fmt::print("\n");
  if (pricing::total(priced.lines, Size::Maximum).unpriced > 0)
    fmt::print("?: nodes of which no price is known there, or none at or below maxPrice\n");
  if (priced.has_scenario)
    fmt::print("the Scenario's times are left out: all that it applies is priced together\n");
  if (!priced.reservations.empty())
    fmt::print("capacity reservations are paid for, used or not: no line above counts them\n");
  if (has_spot(priced.lines))
    fmt::print("spot: averages of AWS's Spot Instance Advisor, or what --prices told\n");
  fmt::print("not counted: {}, NAT gateways, load balancers, traffic, logs, taxes, discounts\n",
             volumes_text(priced.lines));
}

}  // namespace

std::string price_text(Money price) {
  return price == Money() ? "$0" : "$" + price.text(4);
}

std::string hour_text(const SizeCost& cost) {
  return with_marks(cost, price_text(cost.per_hour));
}

std::string month_text(const SizeCost& cost) {
  return with_marks(cost, report::money_text(pricing::per_month(cost.per_hour)));
}

std::string ratio_text(const provisioning::ProvisionPlan& plan) {
  return provisioning::over_bound_text(plan.per_hour, plan.lower_bound);
}

std::string types_text(const std::vector<std::string>& types) {
  if (types.empty()) return "nothing";
  if (types.size() > 2) return fmt::format("{} and {} more", types.front(), types.size() - 1);
  return join(types, ", ");
}

void print_cost(const PricedFiles& priced) {
  print_lines(priced.lines);
  print_gpus(priced.gpus);
  print_pods(priced);
  print_notes(priced);
}

}  // namespace gputide::app
