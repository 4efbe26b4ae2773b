// ./dev bench plan: what the planner buys for the pods that Karpenter's scheduler was measured on,
// beside its figures and the bound. Writes build/bench/plan.csv.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/rng.h"
#include "decide/provisioning/configuration_bound.h"
#include "decide/provisioning/packing.h"
#include "decide/provisioning/packing_bound.h"
#include "decide/provisioning/preference_plan.h"
#include "openb_on_ec2.h"
#include "processor_time.h"

namespace gputide::provisioning {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows read_csv(const std::string& path) {
  Rows rows;
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    if (line.ends_with('\r')) line.pop_back();
    rows.emplace_back();
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, ',');) rows.back().push_back(field);
  }
  return rows;
}

std::int64_t integer(const std::string& text) {
  return std::stoll(text);
}

// Karpenter's scheduling benchmark: group, label, selector label, millicores, MiB.
Rows diverse_pods(std::int64_t count) {
  Rows measured =
      read_csv(fmt::format("../shared/data/karpenter-benchmark/pods-diverse-{}.csv", count));
  if (!measured.empty()) return measured;
  Rng rng(42, "diverse");
  const std::int64_t cpu[] = {100, 250, 500, 1000, 1500};
  const std::int64_t memory[] = {100, 256, 512, 1024, 2048, 4096};
  const char* groups[] = {"generic", "zone-spread", "hostname-spread", "affinity-zone",
                          "antiaffinity-hostname"};
  Rows rows;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto letter = [&] { return std::string(1, static_cast<char>('a' + rng.below(7))); };
    const std::string label = letter(), selector = letter();
    rows.push_back({std::to_string(i), groups[i * 5 / count], label, selector,
                    std::to_string(cpu[rng.below(5)]), std::to_string(memory[rng.below(6)])});
  }
  return rows;
}

// Types i = 0 ... 399: i + 1 cores, twice as many GiB, a price in proportion; five offerings each.
std::vector<NodeKind> diverse_kinds() {
  std::vector<NodeKind> kinds;
  for (const std::uint32_t zone : {0U, 1U, 0U, 1U, 2U}) {
    NodeKind kind;
    kind.domains = {zone};
    for (std::int64_t i = 1; i <= 400; ++i) {
      PackOffer offer;
      const std::int64_t bytes = i * (std::int64_t{2} << 30);
      offer.capacity = {i * 1000 - 100, bytes - (std::int64_t{10} << 20), i * 10};
      offer.price = Money::micros(i * 100'000 + (bytes + 5000) / 10'000);
      offer.type = static_cast<std::uint32_t>(i - 1);
      kind.offers.push_back(offer);
    }
    kinds.push_back(kind);
  }
  return kinds;
}

PackProblem diverse(std::int64_t count) {
  PackProblem p;
  p.dimensions = 3;
  p.pools.resize(1);
  p.kinds = diverse_kinds();
  const auto group = [&](std::uint32_t key) {
    TopologyGroup g;
    g.key = key;
    if (key != kHostname) g.counts = g.anti_owners = {0, 0, 0};
    p.groups.push_back(g);
    return static_cast<std::uint32_t>(p.groups.size() - 1);
  };
  std::map<std::string, std::uint32_t> by_zone, by_host, together;
  for (char c = 'a'; c <= 'g'; ++c) {
    const std::string label(1, c);
    by_zone[label] = group(0);
    by_host[label] = group(kHostname);
    together[label] = group(0);
  }
  const std::uint32_t apart = group(kHostname);
  std::vector<std::uint64_t> all(7, ~std::uint64_t{0});
  all[6] = 0xffff;
  std::map<std::vector<std::string>, std::size_t> known;
  for (const std::vector<std::string>& row : diverse_pods(count)) {
    const std::vector<std::string> key(row.begin() + 1, row.end());
    const auto [at, fresh] = known.try_emplace(key, p.classes.size());
    if (!fresh) {
      ++p.classes[at->second].count;
      continue;
    }
    PackClass c;
    c.demand = {integer(row[4]), integer(row[5]) << 20, 1};
    c.offers.assign(5, all);
    const auto rule = [&](TopologyRule::Kind kind, std::uint32_t g, bool itself) {
      TopologyRule r{kind, g, itself, 1, 0, {}};
      if (p.groups[g].key != kHostname) r.domains = {0, 1, 2};
      c.rules.push_back(r);
    };
    const std::string& label = row[2];
    if (row[1].starts_with("anti")) {
      c.counted_in = {apart};
      rule(TopologyRule::Kind::AntiAffinity, apart, true);
    } else if (row[1].find("affin") != std::string::npos) {
      c.counted_in = {together[label]};
      rule(TopologyRule::Kind::Affinity, together[label], true);
    } else {
      c.counted_in = {by_zone[label], by_host[label]};
      if (row[1].find("spread") != std::string::npos)
        rule(TopologyRule::Kind::Spread,
             row[1].find("zone") != std::string::npos ? by_zone[row[3]] : by_host[row[3]],
             row[3] == label);
    }
    p.classes.push_back(c);
  }
  return p;
}

struct GpuPods {
  std::int64_t count, gpus, cpu_milli, mib;
};

// Pods of GPUs on the NVIDIA types that `wanted` allows; `slices` for each GPU.
PackProblem gpu_mix(std::int64_t scale, std::span<const GpuPods> pods,
                    const std::function<bool(std::string_view)>& wanted, bool spot,
                    std::int64_t slices = 1) {
  PackProblem p;
  p.dimensions = 4;
  p.pools.resize(1);
  NodeKind kind;
  for (const auto& t : read_csv("../shared/data/karpenter-benchmark/gpu-anchor-types.csv")) {
    const std::size_t column = spot ? 10 : 9;
    if (t.size() <= column) continue;  // no spot price
    const std::string& price = t[column];
    if (t[1] != "amd64" || price.empty() || !wanted(t[0])) continue;
    PackOffer offer;
    offer.capacity = {integer(t[7]), integer(t[8]), integer(t[4]), integer(t[5]) * slices};
    offer.price = *Money::parse(price);
    offer.type = static_cast<std::uint32_t>(kind.offers.size());
    kind.offers.push_back(offer);
  }
  std::stable_sort(kind.offers.begin(), kind.offers.end(),
                   [](const auto& a, const auto& b) { return a.price < b.price; });
  std::vector<std::uint64_t> all((kind.offers.size() + 63) / 64, ~std::uint64_t{0});
  if (kind.offers.size() % 64 != 0) all.back() = (std::uint64_t{1} << kind.offers.size() % 64) - 1;
  p.kinds = {kind};
  for (const GpuPods& each : pods) {
    PackClass c;
    c.demand = {each.cpu_milli, each.mib, 1, each.gpus};
    c.count = each.count * scale;
    c.offers = {all};
    p.classes.push_back(c);
  }
  return p;
}

constexpr std::string_view kKarpenter = "karpenter 86026aa1a on two shared cores";
constexpr std::string_view kFirstFit = "first-fit decreasing with types chosen last";

struct Case {
  std::string name;
  std::function<PackProblem(std::int64_t scale)> make;
  double peer_ms, peer_price;          // Karpenter's, measured
  double reference;                    // what its pods need at most; 0 = the bound says
  bool whole_pods = false;             // the bound counts whole pods on nodes
  std::string_view peer = kKarpenter;  // whose figures those are
};

std::vector<Case> cases() {
  const auto family = [](std::string_view prefix) {
    return [prefix](std::string_view type) { return type.starts_with(prefix); };
  };
  const auto any = [](std::string_view) { return true; };
  static const GpuPods eight[] = {{8, 1, 3000, 12288}};
  static const GpuPods slices[] = {{40, 1, 300, 1024}};
  static const GpuPods pairs[] = {{4, 2, 300, 1024}};
  static const GpuPods mix[] = {
      {60, 1, 3000, 12288}, {20, 2, 6000, 24576}, {10, 4, 12000, 49152}, {10, 8, 24000, 98304}};
  static const GpuPods thousand[] = {{1000, 1, 3000, 12288}};
  const auto one = [](std::string_view type) { return type == "g4dn.xlarge"; };
  const auto three = [](std::string_view t) {
    return t.starts_with("g4dn.") || t.starts_with("g5.") || t.starts_with("g6.");
  };
  std::vector<Case> out;
  const std::pair<std::int64_t, std::pair<double, double>> measured[] = {{1000, {1214, 345}},
                                                                         {2000, {0, 0}},
                                                                         {5000, {9436, 1747}},
                                                                         {10000, {31069, 3523}},
                                                                         {20000, {70448, 7172}}};
  for (const auto& [n, peer] : measured)
    out.push_back({fmt::format("diverse-{}", n),
                   [count = n](auto scale) { return diverse(count * scale); }, peer.first,
                   peer.second, 0});
  out.push_back({"G1", [=](auto scale) { return gpu_mix(scale, eight, family("g5."), false); }, 0.7,
                 16.288, 8.048});
  out.push_back({"G1b", [=](auto scale) { return gpu_mix(scale, eight, family("g6."), false); },
                 0.4, 13.3504, 6.4384});
  out.push_back({"G1c", [=](auto scale) { return gpu_mix(scale, eight, family("g4dn."), false); },
                 1.1, 7.824, 4.208});
  out.push_back({"G2", [=](auto scale) { return gpu_mix(scale, slices, one, false, 10); }, 14.4,
                 21.04, 2.104});
  out.push_back(
      {"G2b", [=](auto scale) { return gpu_mix(scale, pairs, one, false, 10); }, 0.3, 0, 0.526});
  out.push_back({"G3", [=](auto scale) { return gpu_mix(scale, mix, three, false); }, 39.9,
                 364.3728, 243.304});
  out.push_back(
      {"G4", [=](auto scale) { return gpu_mix(scale, mix, any, false); }, 10.5, 364.3728, 243.304});
  out.push_back(
      {"G5", [=](auto scale) { return gpu_mix(scale, mix, any, true); }, 52.8, 110.9624, 80.1036});
  out.push_back(
      {"G6", [=](auto scale) { return gpu_mix(scale, thousand, any, false); }, 269.8, 1668.8, 526});
  out.push_back({"G6b", [=](auto scale) { return gpu_mix(scale, thousand, any, true); }, 351.2,
                 507.195, 189.36});
  out.push_back({"openb-whole", [](auto scale) { return openb(scale, GpuParts::Whole); }, 0, 11600,
                 0, true, kFirstFit});
  out.push_back({"openb-shared", [](auto scale) { return openb(scale, GpuParts::Shared); }, 0,
                 10952, 0, false, kFirstFit});
  return out;
}

// The bound, and what an independent function says that its certificate proves.
struct Bound {
  double bound, certified;
};

Bound bound_of(const PackProblem& problem, bool whole_pods) {
  const PackBound known = pack_bound(problem);
  if (!whole_pods)
    return {known.bound.per_hour.to_dollars(), certified(problem, known).to_dollars()};
  const ConfigurationBound better = configuration_bound(known.placement, known.bound);
  return {better.per_hour.to_dollars(),
          certified(known.placement, better.certificate).to_dollars()};
}

// The best of three, or one run of what takes long.
double best_of(const std::function<void()>& work) {
  constexpr double kLong = 1000;
  double best = milliseconds(work);
  for (int i = 1; i < 3 && best < kLong; ++i) best = std::min(best, milliseconds(work));
  return best;
}

constexpr const char* kRow =
    "{:14} {:8.1f} {:8.1f} {:8.1f} {:6.2f} {:10.3f} {:6} {:9.1f} {:9.3f} {:9.3f} {:9.3f} {:7.4f} "
    "{:6}\n";

struct Times {
  double once = 0, twice = 0, four_times = 0;  // ms, by the number of pods
  double growth() const { return std::log(four_times / once) / std::log(4.0); }
};

// Karpenter's preference case: equal pods that would rather be in the first zone, in no zone with
// their like (at most three can), and on no host with their like (4,000 nodes).
WishProblem preferring(std::int64_t count) {
  WishProblem p;
  p.preferences = 3;
  p.pack.dimensions = 3;
  p.pack.pools.resize(1);
  p.pack.kinds = diverse_kinds();
  TopologyGroup by_zone, by_host;
  by_zone.key = 0;
  by_zone.counts = by_zone.anti_owners = {0, 0, 0};
  p.pack.groups = {by_zone, by_host};
  PackClass pods;
  pods.demand = {1500, std::int64_t{4096} << 20, 1};
  pods.count = count;
  pods.counted_in = {0, 1};
  std::vector<std::uint64_t> all(7, ~std::uint64_t{0});
  all[6] = 0xffff;
  pods.offers.assign(p.pack.kinds.size(), all);
  p.pack.classes = {pods};
  PackWish first_zone;
  for (const NodeKind& kind : p.pack.kinds)
    first_zone.offers.push_back(kind.domains[0] == 0 ? all : std::vector<std::uint64_t>{});
  PackWish no_zone{1, 10, TopologyRule{TopologyRule::Kind::Avoid, 0, true, 1, 0, {}}, {}, {}};
  PackWish no_host{2, 1, TopologyRule{TopologyRule::Kind::Avoid, 1, true, 1, 0, {}}, {}, {}};
  p.wishes = {{first_zone, no_zone, no_host}};
  return p;
}

// The price with what is honoured for nothing beside Karpenter's with preferences ignored; the
// price of honouring all beside that with preferences respected. Returns the faults.
int run_preferences(std::ostream& csv) {
  constexpr std::int64_t kPods = 4000;
  const auto solve = [](const WishProblem& problem) {
    return with_preferences(problem, pack(problem.pack), {});
  };
  const WishProblem problem = preferring(kPods);
  PreferencePlan found;
  Times took;
  took.once = best_of([&] { found = solve(problem); });
  took.twice = best_of([&, more = preferring(2 * kPods)] { solve(more); });
  took.four_times = best_of([&, more = preferring(4 * kPods)] { solve(more); });
  const double bound = pack_bound(problem.pack).bound.per_hour.to_dollars();
  const std::vector<std::int64_t> honoured = recount_granted(problem, found.plan);
  int faults = static_cast<int>(check_plan(problem.pack, found.plan).size());
  const char* names[] = {"first zone", "apart by zone", "apart by host"};
  std::string story;
  for (std::size_t i = 0; i < honoured.size(); ++i) {
    const PreferenceCount& each = found.preferences[i];
    faults += honoured[i] == each.honoured ? 0 : 1;
    story += fmt::format("{} {} of {} (at most {}, for ${:.2f} more); ", names[i], honoured[i],
                         each.pods, each.at_most, each.dearer.to_dollars());
  }
  const double free = found.plan.per_hour.to_dollars();
  const double all = found.all.value_or(Money()).to_dollars();
  const auto row = [&](const char* name, double price, double peer_ms, double peer_price) {
    fmt::print(fmt::runtime(kRow), name, took.once, took.twice, took.four_times, took.growth(),
               price, found.plan.nodes.size(), peer_ms, peer_price, 0.0, bound, price / bound,
               faults);
    csv << fmt::format("{},price,{:.6f},{},{},{:.6f},usd_per_hour\n", name, price, peer_price,
                       kKarpenter, bound);
    csv << fmt::format("{},time,{:.3f},{},{},,ms\n", name, took.once, peer_ms, kKarpenter);
  };
  row("prefer-free", free, 1467, 2524.5966);
  row("prefer-all", all, 86144, 3776.9804);
  csv << fmt::format("prefer,growth,{:.3f},,,1,exponent\n", took.growth());
  for (std::size_t i = 0; i < honoured.size(); ++i)
    csv << fmt::format("prefer-free,{},{},,,,pods\n", names[i], honoured[i]);
  fmt::print("  honoured: {}\n", story);
  return faults;
}

int run(std::string_view only) {
  std::ofstream csv("build/bench/plan.csv");
  csv << "case,metric,ours,peer,peer_source,bound,unit\n";
  fmt::print("{:14} {:>8} {:>8} {:>8} {:>6} {:>10} {:>6} {:>9} {:>9} {:>9} {:>9} {:>7} {:>6}\n",
             "case", "ms", "2x ms", "4x ms", "growth", "$/h", "nodes", "peer ms", "peer $/h",
             "reference", "bound", "/bound", "faults");
  int faults = 0;
  for (const Case& each : cases()) {
    if (!only.empty() && only != each.name) continue;
    const PackProblem problem = each.make(1);
    if (problem.kinds.empty() || problem.kinds.front().offers.empty()) {
      fmt::print("{:14} skipped: ../shared/data/karpenter-benchmark is not there, or data/openb\n",
                 each.name);
      continue;
    }
    PackPlan plan;
    Times took;
    took.once = best_of([&] { plan = pack(problem); });
    took.twice = best_of([more = each.make(2)] { pack(more); });
    took.four_times = best_of([more = each.make(4)] { pack(more); });
    const auto [bound, proved] = bound_of(problem, each.whole_pods);
    std::int64_t left = 0;
    for (const std::int64_t n : plan.unplaced) left += n;
    const std::size_t found = check_plan(problem, plan).size() + static_cast<std::size_t>(left);
    faults += static_cast<int>(found);
    const double price = plan.per_hour.to_dollars();
    fmt::print(fmt::runtime(kRow), each.name, took.once, took.twice, took.four_times, took.growth(),
               price, plan.nodes.size(), each.peer_ms, each.peer_price, each.reference, bound,
               price / bound, found);
    csv << fmt::format("{},price,{:.6f},{},{},{:.6f},usd_per_hour\n", each.name, price,
                       each.peer_price, each.peer, bound);
    csv << fmt::format("{},certified,{:.6f},,,,usd_per_hour\n", each.name, proved);
    csv << fmt::format("{},time,{:.3f},{},{},,ms\n", each.name, took.once, each.peer_ms, each.peer);
    csv << fmt::format("{},growth,{:.3f},,,1,exponent\n", each.name, took.growth());
    csv << fmt::format("{},nodes,{},,,,count\n", each.name, plan.nodes.size());
    std::fflush(stdout);
  }
  if (only.empty() || only == "prefer") faults += run_preferences(csv);
  return faults == 0 ? 0 : 1;
}

}  // namespace
}  // namespace gputide::provisioning

int main(int argc, char** argv) {
  const bool named = argc == 3 && std::string_view(argv[1]) == "--only";
  return gputide::provisioning::run(named ? argv[2] : "");
}
