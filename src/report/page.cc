#include "report/page.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "report/json_text.h"
#include "report/result_json.h"
#include "report/summary.h"

extern "C" {
extern const char gputide_page_html_begin[];
extern const char gputide_page_html_end[];
extern const char gputide_page_style_begin[];
extern const char gputide_page_style_end[];
extern const char gputide_page_script_begin[];
extern const char gputide_page_script_end[];
}

namespace gputide::report {
namespace {

/// A JSON object, a member at a time.
class Json {
 public:
  void raw(std::string_view key, std::string_view value) {
    out_.append(out_.empty() ? "{\"" : ",\"").append(key).append("\":").append(value);
  }
  void text(std::string_view key, std::string_view value) { raw(key, json_string(value)); }
  /// `item(i)` is the JSON of the i-th.
  template <class Item>
  void list(std::string_view key, std::size_t count, Item&& item) {
    raw(key, "[");
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) out_ += ',';
      out_ += item(i);
    }
    out_ += ']';
  }
  void texts(std::string_view key, const std::vector<std::string>& values) {
    list(key, values.size(), [&](std::size_t i) { return json_string(values[i]); });
  }
  std::string done() { return out_.empty() ? "{}" : out_ + "}"; }

 private:
  std::string out_;
};

class Page {
 public:
  Page(const History& history, const port::RunResult& result, const PageLimits& limits)
      : history_(history), result_(result), limits_(limits) {}

  std::string data() {
    choose();
    Json json;
    json.text("cluster", history_.cluster);
    json.text("region", history_.region);
    json.raw("end", at(history_.end));
    json.raw("result", result_json(result_));
    const Bought bought = bought_of(history_);
    json.raw("bought",
             fmt::format("{{\"gpus\":{},\"asked\":{},\"worth\":{},\"sliced\":{}}}", bought.gpus,
                         bought.asked, decimal(bought.used_micros, 6), bought.sliced));
    json.texts("groups", history_.groups.list());
    json.texts("owners", history_.owners.list());
    json.texts("resources", history_.resources.list());
    json.texts("reasons", history_.reasons.list());
    pools(json);
    json.raw("machines", machines());
    json.raw("pods", pods());
    json.texts("devices", devices_.list());
    json.raw("steps", steps());
    prices(json);
    lines(json);
    bills(json);
    json.texts("left", left_);
    return json.done();
  }

 private:
  /// Seconds since the start, to a tenth.
  std::string at(Instant when) const {
    return decimal(((when - history_.start).nanoseconds() + 50'000'000) / 100'000'000, 1);
  }
  std::string at(const std::optional<Instant>& when) const { return when ? at(*when) : "-1"; }

  Duration length(Instant from, const std::optional<Instant>& to) const {
    return (to ? *to : history_.end) - from;
  }

  /// The `most` longest lives, in their order.
  template <class Life, class Begin>
  std::vector<std::size_t> longest(const std::vector<Life>& lives, std::size_t most,
                                   std::string_view what, Begin begin) {
    std::vector<std::size_t> chosen(lives.size());
    std::iota(chosen.begin(), chosen.end(), std::size_t{0});
    if (chosen.size() <= most) return chosen;
    std::stable_sort(chosen.begin(), chosen.end(), [&](std::size_t a, std::size_t b) {
      return length(begin(lives[a]), lives[a].ended) > length(begin(lives[b]), lives[b].ended);
    });
    chosen.resize(most);
    std::sort(chosen.begin(), chosen.end());
    left_.push_back(fmt::format("the {} shortest lives of {}",
                                count_text(static_cast<std::int64_t>(lives.size() - most)), what));
    return chosen;
  }

  void choose() {
    machines_ = longest(history_.machines, limits_.machines, "machines",
                        [](const MachineLife& life) { return life.launched; });
    pods_ = longest(history_.pods, limits_.pods, "pods",
                    [](const PodLife& pod) { return pod.created; });
    machine_index_.assign(history_.machines.size(), -1);
    for (std::size_t i = 0; i < machines_.size(); ++i)
      machine_index_[machines_[i]] = static_cast<std::int64_t>(i);
  }

  void pools(Json& json) {
    json.list("pools", history_.pools.size(), [&](std::size_t i) {
      const Pool& pool = history_.pools[i];
      return fmt::format("{{\"type\":{},\"zone\":{},\"market\":{}}}", json_string(pool.type),
                         json_string(pool.zone), json_string(pool.market));
    });
  }

  template <class Item>
  static void column(Json& json, std::string_view key, std::span<const std::size_t> chosen,
                     Item&& item) {
    json.list(key, chosen.size(), [&](std::size_t i) { return item(chosen[i]); });
  }

  std::string machines() {
    const std::vector<MachineLife>& all = history_.machines;
    Json json;
    const auto add = [&](std::string_view key, auto&& item) {
      column(json, key, machines_, [&](std::size_t i) { return item(all[i]); });
    };
    add("id", [](const MachineLife& life) { return json_string(life.id); });
    add("node", [](const MachineLife& life) { return json_string(life.node); });
    add("pool", [](const MachineLife& life) { return std::to_string(life.pool); });
    add("group", [](const MachineLife& life) { return std::to_string(life.group); });
    add("gpus", [](const MachineLife& life) { return std::to_string(life.gpus); });
    add("usd", [](const MachineLife& life) { return dollars(life.price); });
    add("t0", [&](const MachineLife& life) { return at(life.launched); });
    add("ready", [&](const MachineLife& life) { return at(life.ready); });
    add("notice", [&](const MachineLife& life) { return at(life.notice); });
    add("t1", [&](const MachineLife& life) { return at(life.ended); });
    add("why", [](const MachineLife& life) { return std::to_string(life.reason); });
    add("lost", [&](const MachineLife& life) {
      return std::string(history_.reasons.text(life.reason) == "spot-interruption" ? "1" : "0");
    });
    add("cost", [](const MachineLife& life) { return dollars(life.cost); });
    add("offers", [](const MachineLife& life) {
      Json offers;
      for (const auto& [name, amount] : life.resources) offers.raw(name, std::to_string(amount));
      return offers.done();
    });
    return json.done();
  }

  std::string devices_of(const PodLife& pod) {
    if (pod.devices.empty()) return "0";
    std::string out = "[";
    for (const std::string& device : pod.devices)
      out += fmt::format("{}{}", out.size() > 1 ? "," : "", devices_.id(device));
    return out + "]";
  }

  std::string pods() {
    const std::vector<PodLife>& all = history_.pods;
    Json json;
    const auto add = [&](std::string_view key, auto&& item) {
      column(json, key, pods_, [&](std::size_t i) { return item(all[i]); });
    };
    add("name", [](const PodLife& pod) { return json_string(pod.name); });
    add("owner", [](const PodLife& pod) { return std::to_string(pod.owner); });
    add("resource", [](const PodLife& pod) { return std::to_string(pod.resource); });
    add("gpus", [](const PodLife& pod) { return std::to_string(pod.gpus); });
    add("m", [&](const PodLife& pod) {
      return std::to_string(
          pod.machine < 0 ? -1 : machine_index_[static_cast<std::size_t>(pod.machine)]);
    });
    add("created", [&](const PodLife& pod) { return at(pod.created); });
    add("sched", [&](const PodLife& pod) { return at(pod.scheduled); });
    add("run", [&](const PodLife& pod) { return at(pod.running); });
    add("end", [&](const PodLife& pod) { return at(pod.ended); });
    add("outcome",
        [](const PodLife& pod) { return std::to_string(static_cast<int>(pod.outcome)); });
    add("devices", [&](const PodLife& pod) { return devices_of(pod); });
    return json.done();
  }

  /// Too many steps become the peaks of equal spans.
  std::vector<Step> fewer(std::vector<Step> steps) {
    if (steps.size() <= limits_.steps) return steps;
    const std::int64_t each =
        (history_.end - history_.start).nanoseconds() / static_cast<std::int64_t>(limits_.steps) +
        1;
    left_.push_back(fmt::format("what the charts do within {}; their peaks are shown",
                                span_text(Duration::nanoseconds(each))));
    std::vector<Step> kept;
    std::int64_t current = -1;
    for (const Step& step : steps) {
      const std::int64_t bucket = (step.at - history_.start).nanoseconds() / each;
      if (bucket != current) {
        kept.push_back(step);
        current = bucket;
        continue;
      }
      Step& peak = kept.back();
      peak.nodes = std::max(peak.nodes, step.nodes);
      peak.gpu_nodes = std::max(peak.gpu_nodes, step.gpu_nodes);
      peak.gpus = std::max(peak.gpus, step.gpus);
      peak.gpu_micros_used = std::max(peak.gpu_micros_used, step.gpu_micros_used);
      peak.pods_pending = std::max(peak.pods_pending, step.pods_pending);
      peak.pods_running = std::max(peak.pods_running, step.pods_running);
      peak.per_hour = std::max(peak.per_hour, step.per_hour);
    }
    kept.back() = steps.back();
    return kept;
  }

  std::string steps() {
    const std::vector<Step> all = fewer(steps_of(history_));
    Json json;
    const auto add = [&](std::string_view key, auto&& item) {
      json.list(key, all.size(), [&](std::size_t i) { return item(all[i]); });
    };
    add("t", [&](const Step& step) { return at(step.at); });
    add("nodes", [](const Step& step) { return std::to_string(step.nodes); });
    add("gpu_nodes", [](const Step& step) { return std::to_string(step.gpu_nodes); });
    add("gpus", [](const Step& step) { return std::to_string(step.gpus); });
    add("used", [](const Step& step) { return decimal(step.gpu_micros_used, 6); });
    add("pending", [](const Step& step) { return std::to_string(step.pods_pending); });
    add("running", [](const Step& step) { return std::to_string(step.pods_running); });
    add("usd", [](const Step& step) { return dollars(step.per_hour); });
    return json.done();
  }

  /// Prices of the pools that were bought from, most bought first.
  void prices(Json& json) {
    std::vector<std::vector<const PricePoint*>> points(history_.pools.size());
    for (const PricePoint& point : history_.prices) points[point.pool].push_back(&point);
    std::vector<std::int64_t> bought(history_.pools.size());
    for (const MachineLife& life : history_.machines) ++bought[life.pool];
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < points.size(); ++i)
      if (!points[i].empty() && (bought[i] > 0 || history_.machines.empty())) order.push_back(i);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return bought[a] > bought[b]; });
    constexpr std::size_t kPools = 10;
    if (order.size() > kPools) {
      left_.push_back(fmt::format(
          "prices of {}", plural(static_cast<std::int64_t>(order.size() - kPools), "pool")));
      order.resize(kPools);
    }
    const std::size_t most = limits_.prices / std::max<std::size_t>(order.size(), 1);
    json.list("prices", order.size(), [&](std::size_t i) {
      const auto& of_pool = points[order[i]];
      const std::size_t every = of_pool.size() / most + 1;
      const Pool& pool = history_.pools[order[i]];
      Json one;
      one.text("pool", fmt::format("{} {}", pool.type, pool.zone));
      const std::size_t count = (of_pool.size() + every - 1) / every;
      one.list("t", count, [&](std::size_t k) { return at(of_pool[k * every]->at); });
      one.list("p", count, [&](std::size_t k) { return dollars(of_pool[k * every]->price); });
      return one.done();
    });
  }

  static std::string_view mark(Mark mark) {
    static constexpr std::array<std::string_view, 7> kLetters = {"n", "d", "b", "s", "w", "i", "g"};
    return kLetters[static_cast<std::size_t>(mark)];
  }

  /// Too many lines: the kinds that matter least to a reader go, the last kind that fits is
  /// thinned.
  std::vector<const Line*> chosen_lines() {
    std::vector<const Line*> chosen;
    std::size_t room = limits_.lines;
    for (const Mark kind : {Mark::Interruption, Mark::Decision, Mark::MoneyStarts, Mark::MoneyStops,
                            Mark::Warning, Mark::None, Mark::Good}) {
      std::vector<const Line*> of_kind;
      for (const Line& line : history_.lines)
        if (line.mark == kind) of_kind.push_back(&line);
      const std::size_t take = std::min(room, of_kind.size());
      for (std::size_t i = 0; i < take; ++i) chosen.push_back(of_kind[i * of_kind.size() / take]);
      room -= take;
    }
    std::sort(chosen.begin(), chosen.end());  // they stand in one vector, in order
    if (chosen.size() < history_.lines.size())
      left_.push_back(fmt::format(
          "{} of what happened",
          plural(static_cast<std::int64_t>(history_.lines.size() - chosen.size()), "line")));
    return chosen;
  }

  void lines(Json& json) {
    const std::vector<const Line*> chosen = chosen_lines();
    json.list("lines", chosen.size(), [&](std::size_t i) {
      Json one;
      one.raw("t", at(chosen[i]->at));
      one.raw("d", std::to_string(chosen[i]->over.whole_seconds()));
      one.text("m", mark(chosen[i]->mark));
      one.text("who", chosen[i]->who);
      one.text("what", chosen[i]->what);
      return one.done();
    });
  }

  void bills(Json& json) {
    const std::vector<TypeBill> all = bills_of(history_);
    json.list("bills", all.size(), [&](std::size_t i) {
      Json one;
      one.text("type", all[i].type);
      one.text("market", all[i].market);
      one.raw("n", std::to_string(all[i].machines));
      one.raw("gpus", std::to_string(all[i].gpus));
      one.raw("s", seconds(all[i].billed));
      one.raw("usd", dollars(all[i].cost));
      return one.done();
    });
  }

  const History& history_;
  const port::RunResult& result_;
  const PageLimits& limits_;
  std::vector<std::size_t> machines_;
  std::vector<std::size_t> pods_;
  std::vector<std::int64_t> machine_index_;
  Names devices_;
  std::vector<std::string> left_;
};

/// Inside a script element nothing may look like its end.
std::string without_tags(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  }
  return out;
}

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::string report_page(const History& history, const port::RunResult& result,
                        const PageLimits& limits) {
  const std::string data = without_tags(Page(history, result, limits).data());
  const std::pair<std::string_view, std::string_view> parts[] = {
      {"@STYLE@", between(gputide_page_style_begin, gputide_page_style_end)},
      {"@DATA@", data},
      {"@SCRIPT@", between(gputide_page_script_begin, gputide_page_script_end)}};
  std::string_view rest = between(gputide_page_html_begin, gputide_page_html_end);
  std::string out;
  for (const auto& [marker, text] : parts) {
    const std::size_t at = rest.find(marker);
    out.append(rest.substr(0, at)).append(text);
    rest.remove_prefix(at + marker.size());
  }
  return out.append(rest);
}

}  // namespace gputide::report
