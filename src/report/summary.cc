#include "report/summary.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "report/json_text.h"

namespace gputide::report {
namespace {

constexpr std::size_t kLabel = 10;

class Block {
 public:
  explicit Block(const TextStyle& style) : style_(style) {}

  void line(std::string_view label, const std::string& text) {
    const std::size_t indent = kLabel + 4;
    const std::vector<std::string> parts =
        wrap(text, style_.width > indent + 20 ? style_.width - indent : 0);
    for (std::size_t i = 0; i < parts.size(); ++i)
      out_ += "  " + paint(pad(i == 0 ? label : "", kLabel), Colour::Dim, style_) + "  " +
              parts[i] + "\n";
  }
  void title(std::string_view text) { out_ += "\n" + paint(text, Colour::Bold, style_) + "\n"; }
  const std::string& text() const { return out_; }

 private:
  const TextStyle& style_;
  std::string out_;
};

std::string nodes_line(const port::RunResult::Nodes& nodes) {
  std::string text =
      fmt::format("0 → {} → {} GPU nodes", count_text(nodes.gpu_peak), count_text(nodes.gpu_final));
  if (nodes.gpu_launched != nodes.gpu_peak)
    text += fmt::format(", {} launched in all", count_text(nodes.gpu_launched));
  if (const std::int64_t others = nodes.launched - nodes.gpu_launched; others > 0)
    text += fmt::format("; {} without GPUs", plural(others, "other node"));
  return text;
}

std::string gpus_line(const Bought& bought, const port::RunResult::Gpu& gpu) {
  std::string text =
      fmt::format("{} bought for {} asked", plural(bought.gpus, "GPU"), count_text(bought.asked));
  if (!bought.resource.empty() && bought.resource != "nvidia.com/gpu")
    text += " of " + bought.resource;
  if (const std::string worth = decimal(bought.used_micros / 10'000, 2); bought.sliced)
    text += worth == "1" ? " (1 GPU's worth was held)"
                         : fmt::format(" ({} GPUs' worth were held)", worth);
  if (gpu.bought_us > 0)
    text += fmt::format("; idle for {} of their {}", percent_text(gpu.idle_us, gpu.bought_us),
                        span_text(Duration::seconds(gpu.bought_us / 1'000'000)));
  return text;
}

std::string pods_line(const port::RunResult::Pods& pods) {
  std::string text = fmt::format("{} created", count_text(pods.created));
  const auto also = [&](std::int64_t n, std::string_view what) {
    if (n > 0) text += fmt::format(", {} {}", count_text(n), what);
  };
  also(pods.succeeded, "succeeded");
  also(pods.running, "running");
  also(pods.pending, "still pending");
  also(pods.failed, "failed");
  also(pods.evicted, "evicted");
  also(pods.created - pods.succeeded - pods.running - pods.pending - pods.failed, "deleted");
  return text;
}

std::string cost_line(const port::RunResult& result) {
  const port::RunResult::Cost& cost = result.cost;
  std::string text = money_text(cost.total);
  if (!result.reservations.empty()) {
    Money unused;
    for (const auto& each : result.reservations) unused += each.unused;
    text += fmt::format(", of it {} for reserved instances that were not used", money_text(unused));
  }
  if (cost.gpu > Money())
    text += fmt::format("{} {} for GPU nodes, of that {} ({}) while nobody held their GPUs",
                        result.reservations.empty() ? ", of it" : ",", money_text(cost.gpu),
                        money_text(cost.idle_gpu),
                        percent_text(cost.idle_gpu.micros(), cost.gpu.micros()));
  if (cost.lower_bound)
    text += fmt::format("; no set of nodes could have done it for less than {}",
                        money_text(*cost.lower_bound));
  if (cost.over_bound_permille) {
    const std::int64_t hundredths = (*cost.over_bound_permille + 5) / 10;
    text += fmt::format(" ({}.{:02} × that)", hundredths / 100, hundredths % 100);
  }
  return text;
}

std::string spot_line(const port::RunResult::Spot& spot) {
  return fmt::format("{}, {} drained in time, {} of work lost",
                     plural(spot.interruptions, "interruption"), count_text(spot.notices_handled),
                     span_text(spot.pod_time_lost));
}

std::string bill_line(const TypeBill& bill) {
  return fmt::format("{} {}  {}  {}  {}", pad(bill.type, 16), pad(bill.market, 9),
                     pad_left(fmt::format("{} ×", count_text(bill.machines)), 7),
                     pad_left(span_text(bill.billed), 8), pad_left(money_text(bill.cost), 10));
}

std::string bill_line(const port::RunResult::Reservation& of) {
  return fmt::format("{} {}  {}  {}  {}  {}: used for {}", pad(of.instance_type, 16),
                     pad("unused", 9), pad_left(fmt::format("{} ×", count_text(of.count)), 7),
                     pad_left(span_text(Duration::seconds(of.unused_seconds)), 8),
                     pad_left(money_text(of.unused), 10), of.id,
                     span_text(Duration::seconds(of.used_seconds)));
}

// What a machine that is there at the end has cost, at the price of each moment.
Money cost_so_far(const History& history, const MachineLife& life) {
  Money sum;
  Money price = life.price;
  Instant from = *life.running;
  for (const PricePoint& point : history.prices) {
    if (point.pool != life.pool || point.at < life.launched) continue;
    if (point.at > from) {
      sum += cost(price, point.at - from);
      from = point.at;
    }
    price = point.price;
  }
  return sum + cost(price, history.end - from);
}

}  // namespace

std::vector<TypeBill> bills_of(const History& history) {
  std::map<std::pair<std::string, std::string>, TypeBill> by_type;
  for (const MachineLife& life : history.machines) {
    const Pool& pool = history.pools[life.pool];
    TypeBill& bill = by_type[{pool.type, pool.market}];
    bill.type = pool.type;
    bill.market = pool.market;
    bill.gpus = life.gpus;
    ++bill.machines;
    if (life.ended) {
      bill.billed += Duration::seconds(life.seconds);
      bill.cost += life.cost;
    } else if (life.running) {
      bill.billed += history.end - *life.running;
      bill.cost += cost_so_far(history, life);
    }
  }
  std::vector<TypeBill> bills;
  for (auto& [key, bill] : by_type) bills.push_back(std::move(bill));
  std::stable_sort(bills.begin(), bills.end(),
                   [](const TypeBill& a, const TypeBill& b) { return a.cost > b.cost; });
  return bills;
}

Bought bought_of(const History& history) {
  Bought bought;
  for (const Step& step : steps_of(history)) {
    bought.gpus = std::max(bought.gpus, step.gpus);
    bought.asked = std::max(bought.asked, step.gpus_asked);
    bought.used_micros = std::max(bought.used_micros, step.gpu_micros_used);
  }
  for (const MachineLife& life : history.machines)
    for (const auto& [resource, amount] : life.resources)
      bought.sliced = bought.sliced || (life.gpus > 0 && amount > life.gpus);
  const std::string* only = nullptr;
  for (const PodLife& pod : history.pods) {
    if (pod.gpus == 0) continue;
    const std::string& resource = history.resources.text(pod.resource);
    if (only != nullptr && *only != resource) return bought;
    only = &resource;
  }
  if (only != nullptr) bought.resource = *only;
  return bought;
}

std::string summary_text(const History& history, const port::RunResult& result,
                         const TextStyle& style) {
  Block block(style);
  block.title("Summary");
  block.line("time", fmt::format("{} in {} ({} events; seed {}, fingerprint {:016x})",
                                 span_text(result.virtual_time), span_text(result.wall_time),
                                 count_text(static_cast<std::int64_t>(result.events)), result.seed,
                                 result.fingerprint));
  block.line("nodes", nodes_line(result.nodes));
  const Bought bought = bought_of(history);
  if (bought.gpus > 0 || bought.asked > 0) block.line("GPUs", gpus_line(bought, result.gpu));
  block.line("pods", pods_line(result.pods));
  if (result.wait)
    block.line("waits", fmt::format("{} half of the pods, {} 95 %, {} the longest; from creation "
                                    "to running",
                                    span_text(result.wait->p50), span_text(result.wait->p95),
                                    span_text(result.wait->max)));
  if (result.spot.interruptions > 0) block.line("spot", spot_line(result.spot));
  block.line("cost", cost_line(result));
  for (const TypeBill& bill : bills_of(history)) block.line("", bill_line(bill));
  for (const auto& each : result.reservations) block.line("", bill_line(each));
  return block.text();
}

}  // namespace gputide::report
