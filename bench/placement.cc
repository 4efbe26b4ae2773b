// ./dev bench placement: six published placement policies and ours on the traces of "Beware of
// Fragmentation" (USENIX ATC 2023), beside the published results. Writes build/bench/placement.csv.
// --only TRACE,... --policies NAME,... --seeds N --first-seed N
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <ctime>
#include <exception>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>
#include <zlib.h>

#include <fmt/format.h>

#include "decide/placement/engine.h"

namespace gputide::placement {
namespace {

using Row = std::vector<std::string>;
const std::string kData = "../shared/data/openb/";
constexpr std::array kTraces = {"default",    "cpu050",      "cpu100",    "cpu250",    "gpushare40",
                                "gpushare60", "gpushare100", "gpuspec10", "gpuspec20", "gpuspec33",
                                "multigpu20", "multigpu30",  "multigpu50"};

Row split(const std::string& line, char by) {
  Row fields;
  std::istringstream in(line);
  for (std::string field; std::getline(in, field, by);) fields.push_back(field);
  return fields;
}

// Calls `use` with each row after the header; a row that it cannot read ends the program.
template <class Use>
void each_row(const std::string& path, const Use& use) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  for (int number = 2; std::getline(in, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    try {
      use(split(line, ','));
    } catch (const std::exception&) {
      fmt::print(stderr,
                 "{}:{}: a field is missing, not a number or out of range; copy the file anew from "
                 "the artifact\n",
                 path, number);
      std::exit(2);
    }
  }
}

struct Trace {
  std::string name;
  std::vector<Pod> pods;
};

using Models = std::map<std::string, int>;

std::vector<Node> read_nodes(Models& models) {
  std::vector<Node> nodes;
  each_row(kData + "openb_node_list_gpu_node.csv", [&](const Row& row) {
    const int model = models.try_emplace(row.at(4), static_cast<int>(models.size())).first->second;
    if (std::stoi(row.at(3)) < 0 || std::stoi(row[3]) > kMaxGpus) throw std::out_of_range("gpu");
    nodes.push_back(Node::empty(std::stoll(row[1]), std::stoll(row[2]), std::stoi(row[3]), model));
  });
  return nodes;
}

Trace read_trace(const std::string& name, const Models& models) {
  Trace trace{name, {}};
  each_row(kData + "openb_pod_list_" + name + ".csv", [&](const Row& row) {
    Pod pod{std::stoll(row.at(1)), std::stoll(row.at(2)), 0, std::stoi(row.at(3)), 0xffff};
    if (pod.gpus > 0) pod.gpu_milli = pod.gpus == 1 ? std::stoll(row.at(4)) : kWholeGpu;
    if (pod.gpus < 0 || pod.gpu_milli < 0 || pod.gpu_milli > kWholeGpu)
      throw std::out_of_range("num_gpu, gpu_milli");
    if (row.size() > 5 && !row[5].empty()) {
      pod.models = 0;
      for (const std::string& model : split(row[5], '|'))
        if (const auto at = models.find(model); at != models.end())
          pod.models = static_cast<std::uint16_t>(pod.models | 1U << at->second);
    }
    trace.pods.push_back(pod);
  });
  return trace;
}

// Fisher and Yates.
template <class T>
void shuffle(std::vector<T>& list, Rng& rng) {
  for (std::size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[rng.below(i)]);
}

// The artifact's tuning: clones or removes pods drawn at random until they ask for 1.3 times the
// GPUs.
std::vector<Pod> arrivals(const Trace& trace, std::int64_t capacity, std::uint64_t seed) {
  Rng order(seed, "arrivals"), tuning(seed, "tuning");
  std::vector<Pod> pods = trace.pods;
  shuffle(pods, order);
  const std::int64_t target = capacity * 13 / 10;
  std::int64_t asked = 0;
  for (const Pod& pod : pods) asked += pod.gpu_total();
  while (asked > target) {
    const auto at = pods.begin() + static_cast<std::ptrdiff_t>(tuning.below(pods.size()));
    asked -= at->gpu_total();
    pods.erase(at);
  }
  if (pods.size() < trace.pods.size()) return pods;
  while (true) {
    const Pod& pod = trace.pods[tuning.below(trace.pods.size())];
    if (asked + pod.gpu_milli > target) return pods;
    asked += pod.gpu_total();
    pods.push_back(pod);
  }
}

double thread_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

struct Run {
  double allocated = 0;  // % of all GPUs when 100 % of them have been asked for
  double seconds = 0;
  std::size_t placements = 0;
};

Run run(Policy policy, const Trace& trace, std::vector<Node> nodes, std::uint64_t seed) {
  std::int64_t capacity = 0;
  for (const Node& node : nodes) capacity += node.idle();
  const std::vector<Pod> pods = arrivals(trace, capacity, seed);
  Rng names(seed, "nodes");
  shuffle(nodes, names);
  std::map<Pod, std::size_t> index;
  std::vector<Pod> kinds;
  for (const Pod& pod : pods)
    if (index.try_emplace(pod, kinds.size()).second) kinds.push_back(pod);
  std::vector<std::size_t> kind_of;
  for (const Pod& pod : pods) kind_of.push_back(index.at(pod));

  Run result;
  double sum = 0;
  std::int64_t asked = 0, used = 0, samples = 0;
  const double start = thread_seconds();
  Engine engine(policy, nodes, kinds, trace.pods, seed);
  for (std::size_t i = 0; i < pods.size(); ++i) {
    asked += pods[i].gpu_total();
    if (engine.place(kind_of[i])) used += pods[i].gpu_total();
    if ((asked * 200 + capacity) / (2 * capacity) != 100) continue;
    ++samples;
    sum += 100.0 * static_cast<double>(used) / static_cast<double>(capacity);
  }
  result.seconds = thread_seconds() - start;
  result.placements = pods.size();
  result.allocated = samples > 0 ? sum / static_cast<double>(samples) : 0;
  return result;
}

struct Figure {
  double mean = 0, sd = 0;
};

Figure figure(const std::vector<double>& values) {
  Figure f;
  for (const double v : values) f.mean += v / static_cast<double>(values.size());
  for (const double v : values) f.sd += (v - f.mean) * (v - f.mean);
  f.sd = values.size() > 1 ? std::sqrt(f.sd / static_cast<double>(values.size() - 1)) : 0;
  return f;
}

// {trace, policy}: the published allocation at 100 % arrived, one for each seed.
std::map<std::pair<std::string, std::string>, std::vector<double>> published() {
  std::map<std::pair<std::string, std::string>, std::vector<double>> found;
  const gzFile file =
      gzopen((kData + "expected_results/analysis_allo_discrete.csv.gz").c_str(), "rb");
  if (file == nullptr) return found;
  std::vector<char> line(1 << 16);
  Row header;
  while (gzgets(file, line.data(), static_cast<int>(line.size())) != nullptr) {
    std::string text(line.data());
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    const Row row = split(text, ',');
    if (header.empty()) {
      header = row;
      continue;
    }
    const auto at =
        static_cast<std::size_t>(std::find(header.begin(), header.end(), "100") - header.begin());
    const std::string trace = row.at(0).substr(std::string_view("openb_pod_list_").size());
    found[{trace, row.at(1).substr(3)}].push_back(std::stod(row.at(at)));
  }
  gzclose(file);
  return found;
}

struct Options {
  Row only, policies;
  std::uint64_t seeds = 10, first_seed = 42;  // the paper's
};

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    const std::string value = i + 1 < argc ? argv[++i] : "";
    if (flag == "--only" && !value.empty()) {
      o.only = split(value, ',');
    } else if (flag == "--policies" && !value.empty()) {
      o.policies = split(value, ',');
    } else if (flag == "--seeds" && std::atoi(value.c_str()) > 0) {
      o.seeds = static_cast<std::uint64_t>(std::atoi(value.c_str()));
    } else if (flag == "--first-seed" && std::atoi(value.c_str()) > 0) {
      o.first_seed = static_cast<std::uint64_t>(std::atoi(value.c_str()));
    } else {
      fmt::print(stderr,
                 "{}: unknown, or without its value; there are --only TRACE,... --policies "
                 "NAME,... --seeds N --first-seed N\n",
                 flag);
      std::exit(2);
    }
  }
  return o;
}

bool wanted(const Row& list, std::string_view name) {
  return list.empty() || std::find(list.begin(), list.end(), name) != list.end();
}

struct Case {
  const Trace* trace;
  Policy policy;
  std::vector<Run> runs;
};

void run_all(std::vector<Case>& cases, const std::vector<Node>& nodes, const Options& options) {
  const std::uint64_t seeds = options.seeds;
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < cases.size() * seeds; i = next++) {
      Case& c = cases[i / seeds];
      c.runs[i % seeds] = run(c.policy, *c.trace, nodes, options.first_seed + i % seeds);
    }
  };
  std::thread second(work);
  work();
  second.join();
}

struct Totals {
  int compared = 0, outside = 0;
  std::map<std::string, std::pair<double, double>> speed;  // policy: placements, seconds
};

void report(const std::vector<Case>& cases, Totals& totals) {
  const auto peers = published();
  std::ofstream csv("build/bench/placement.csv");
  csv << "case,metric,ours,peer,peer_source,bound,unit\n";
  fmt::print("{:<12} {:<14} {:>7} {:>5} {:>9} {:>6} {:>7} {:>8}  {}\n", "trace", "policy", "ours %",
             "sd", "published", "diff", "allowed", "per s", "");
  for (const Case& c : cases) {
    std::vector<double> allocated;
    double placements = 0, seconds = 0;
    for (const Run& r : c.runs) {
      allocated.push_back(r.allocated);
      placements += static_cast<double>(r.placements);
      seconds += r.seconds;
    }
    const std::string policy(name(c.policy)), label = c.trace->name + "/" + policy;
    auto& [all, time] = totals.speed[policy];
    all += placements;
    time += seconds;
    const Figure ours = figure(allocated);
    // Ours has no published twin: it stands beside FGD.
    const bool twin = c.policy != Policy::Tide;
    const auto at = peers.find({c.trace->name, twin ? policy : "FGD"});
    std::string peer, verdict;
    if (at != peers.end()) {
      const Figure theirs = figure(at->second);
      const double diff = ours.mean - theirs.mean, allowed = std::max(0.3, 3 * theirs.sd);
      const bool good = twin ? std::abs(diff) <= allowed : diff >= 0;
      ++totals.compared;
      totals.outside += good ? 0 : 1;
      verdict = twin ? (good ? "" : "OUTSIDE") : (good ? "above FGD" : "BELOW FGD");
      peer = fmt::format("{:.2f}", theirs.mean);
      fmt::print("{:<12} {:<14} {:>7.2f} {:>5.2f} {:>9} {:>+6.2f} {:>7.2f} {:>8.0f}  {}\n",
                 c.trace->name, policy, ours.mean, ours.sd, peer, diff, allowed,
                 placements / seconds, verdict);
    } else {
      fmt::print("{:<12} {:<14} {:>7.2f} {:>5.2f} {:>32.0f}\n", c.trace->name, policy, ours.mean,
                 ours.sd, placements / seconds);
    }
    csv << fmt::format("{},allocated at 100 % arrived,{:.3f},{},{},,%\n", label, ours.mean, peer,
                       peer.empty() ? ""
                       : twin       ? "FGD artifact's results"
                                    : "FGD artifact's results for FGD");
    csv << fmt::format("{},placements per second,{:.0f},,,,1/s\n", label, placements / seconds);
  }
}

int main_program(int argc, char** argv) {
  const Options options = parse(argc, argv);
  Models models;
  const std::vector<Node> nodes = read_nodes(models);
  if (nodes.empty()) {
    fmt::print("skipped: no {}openb_node_list_gpu_node.csv; bench/README.md says where to get it\n",
               kData);
    return 0;
  }
  std::vector<Trace> traces;
  for (const char* trace : kTraces)
    if (wanted(options.only, trace)) traces.push_back(read_trace(trace, models));
  std::erase_if(traces, [](const Trace& t) {
    if (t.pods.empty()) fmt::print("skipped: no {}openb_pod_list_{}.csv\n", kData, t.name);
    return t.pods.empty();
  });
  std::vector<Case> cases;
  for (const Trace& trace : traces)
    for (const Policy policy : kPolicies)
      if (wanted(options.policies, name(policy)))
        cases.push_back({&trace, policy, std::vector<Run>(options.seeds)});
  if (cases.empty()) {
    fmt::print(stderr, "nothing to run: no such trace or policy\n");
    return 2;
  }
  run_all(cases, nodes, options);
  Totals totals;
  report(cases, totals);
  for (const auto& [policy, speed] : totals.speed)
    fmt::print("{}: {:.0f} placements per second of processor time\n", policy,
               speed.first / speed.second);
  fmt::print("{} of {} within what is allowed\n", totals.compared - totals.outside,
             totals.compared);
  return 0;
}

}  // namespace
}  // namespace gputide::placement

int main(int argc, char** argv) {
  return gputide::placement::main_program(argc, argv);
}
