#include "report/series.h"

#include <fmt/format.h>

#include "report/json_text.h"

namespace gputide::report {
namespace {

/// A cell of a CSV file (RFC 4180).
std::string cell(std::string_view text) {
  if (text.find_first_of(",\"\n\r") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

class Csv {
 public:
  explicit Csv(const History& history) : start_(history.start) {}

  std::string at(Instant when) const { return seconds(when - start_); }
  std::string at(const std::optional<Instant>& when) const { return when ? at(*when) : ""; }

 private:
  Instant start_;
};

std::string_view outcome_text(const PodLife& pod) {
  switch (pod.outcome) {
    case Outcome::None:
      return pod.running ? "running" : "pending";
    case Outcome::Succeeded:
      return "succeeded";
    case Outcome::Failed:
      return "failed";
    case Outcome::Evicted:
      return "evicted";
    case Outcome::Preempted:
      return "preempted";
    case Outcome::Deleted:
      return "deleted";
  }
  return "";
}

std::string steps_csv(const History& history) {
  const Csv csv(history);
  std::string out =
      "seconds,nodes,gpu_nodes,gpus,gpus_used,pods_pending,pods_running,usd_per_hour\n";
  for (const Step& step : steps_of(history))
    out += fmt::format("{},{},{},{},{},{},{},{}\n", csv.at(step.at), step.nodes, step.gpu_nodes,
                       step.gpus, decimal(step.gpu_micros_used, 6), step.pods_pending,
                       step.pods_running, dollars(step.per_hour));
  return out;
}

std::string prices_csv(const History& history) {
  const Csv csv(history);
  std::string out = "seconds,instance_type,zone,market,usd_per_hour\n";
  for (const PricePoint& point : history.prices) {
    const Pool& pool = history.pools[point.pool];
    out += fmt::format("{},{},{},{},{}\n", csv.at(point.at), cell(pool.type), cell(pool.zone),
                       cell(pool.market), dollars(point.price));
  }
  return out;
}

std::string machines_csv(const History& history) {
  const Csv csv(history);
  std::string out =
      "instance,node,group,instance_type,zone,market,gpus,launched,ready,notice,ended,reason,usd\n";
  for (const MachineLife& life : history.machines) {
    const Pool& pool = history.pools[life.pool];
    out +=
        fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{}\n", cell(life.id), cell(life.node),
                    cell(history.groups.text(life.group)), cell(pool.type), cell(pool.zone),
                    cell(pool.market), life.gpus, csv.at(life.launched), csv.at(life.ready),
                    csv.at(life.notice), csv.at(life.ended),
                    cell(history.reasons.text(life.reason)), life.ended ? dollars(life.cost) : "");
  }
  return out;
}

std::string pods_csv(const History& history) {
  const Csv csv(history);
  std::string out = "pod,owner,resource,amount,node,created,scheduled,running,ended,outcome\n";
  for (const PodLife& pod : history.pods)
    out += fmt::format(
        "{},{},{},{},{},{},{},{},{},{}\n", cell(pod.name), cell(history.owners.text(pod.owner)),
        cell(history.resources.text(pod.resource)), pod.gpus,
        pod.machine < 0 ? "" : cell(history.machines[static_cast<std::size_t>(pod.machine)].node),
        csv.at(pod.created), csv.at(pod.scheduled), csv.at(pod.running), csv.at(pod.ended),
        outcome_text(pod));
  return out;
}

}  // namespace

void write_series(const History& history,
                  const std::function<void(std::string_view name, std::string text)>& file) {
  file("series.csv", steps_csv(history));
  file("prices.csv", prices_csv(history));
  file("machines.csv", machines_csv(history));
  file("pods.csv", pods_csv(history));
}

}  // namespace gputide::report
