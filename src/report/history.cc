#include "report/history.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "report/fields.h"

namespace gputide::report {
namespace {

using port::Record;
using port::RecordKind;

constexpr std::int64_t kMicro = 1'000'000;

Outcome outcome_of(RecordKind kind) {
  switch (kind) {
    case RecordKind::PodSucceeded:
      return Outcome::Succeeded;
    case RecordKind::PodFailed:
      return Outcome::Failed;
    case RecordKind::PodEvicted:
      return Outcome::Evicted;
    case RecordKind::PodPreempted:
      return Outcome::Preempted;
    default:
      return Outcome::Deleted;
  }
}

}  // namespace

std::uint32_t Names::id(std::string_view text) {
  const auto [at, fresh] = ids_.try_emplace(std::string(text), list_.size());
  if (fresh) list_.emplace_back(text);
  return at->second;
}

History::History() : digest_({}, [this](const Line& line) { lines.push_back(line); }) {}

std::uint32_t History::pool_of(const Record& record) {
  Pool pool{std::string(text_of(record, "type")), std::string(text_of(record, "zone")),
            std::string(text_of(record, "market"))};
  const auto [at, fresh] =
      pool_ids_.try_emplace(fmt::format("{}|{}|{}", pool.type, pool.zone, pool.market),
                            static_cast<std::uint32_t>(pools.size()));
  if (fresh) pools.push_back(std::move(pool));
  return at->second;
}

MachineLife* History::machine(std::string_view id) {
  const auto found = by_id_.find(std::string(id));
  return found == by_id_.end() ? nullptr : &machines[found->second];
}

MachineLife* History::machine_of_node(std::string_view node) {
  const auto found = by_node_.find(std::string(node));
  return found == by_node_.end() ? nullptr : &machines[found->second];
}

void History::launched(const Record& record) {
  MachineLife& made = machines.emplace_back();
  made.id = text_of(record, "instance");
  made.pool = pool_of(record);
  made.group = groups.id(group_text(text_of(record, "group")));
  made.reason = reasons.id("");
  made.gpus = number_of(record, "gpus");
  made.price = Money::micros(number_of(record, "price_micros"));
  made.launched = record.at;
  by_id_[made.id] = machines.size() - 1;
}

void History::pod_record(const Record& record) {
  const std::string name(name_of(record.subject));
  if (record.kind == RecordKind::PodCreated) {
    if (number_of(record, "counted") == 0) return;
    PodLife& pod = pods.emplace_back();
    pod.name = name;
    pod.owner = owners.id(text_of(record, "owner"));
    pod.resource = resources.id(text_of(record, "gpu_resource"));
    pod.gpus = number_of(record, "gpus");
    pod.created = record.at;
    by_pod_[name] = pods.size() - 1;
    return;
  }
  const auto found = by_pod_.find(name);
  if (found == by_pod_.end()) return;
  PodLife& pod = pods[found->second];
  if (const std::string_view node = text_of(record, "node"); !node.empty())
    if (const auto on = by_node_.find(std::string(node)); on != by_node_.end())
      pod.machine = static_cast<std::int64_t>(on->second);
  switch (record.kind) {
    case RecordKind::PodScheduled:
      pod.scheduled = record.at;
      break;
    case RecordKind::PodRunning:
      pod.running = record.at;
      if (!pod.scheduled) pod.scheduled = record.at;
      if (const std::string_view devices = text_of(record, "devices"); !devices.empty())
        for (const std::string_view device : split(devices, ',')) pod.devices.emplace_back(device);
      break;
    case RecordKind::PodSucceeded:
    case RecordKind::PodFailed:
    case RecordKind::PodDeleted:
      if (!pod.ended) pod.ended = record.at;
      if (pod.outcome == Outcome::None) pod.outcome = outcome_of(record.kind);
      if (record.kind == RecordKind::PodDeleted) by_pod_.erase(found);
      break;
    // It is on its way out; it ends when it is deleted.
    case RecordKind::PodEvicted:
    case RecordKind::PodPreempted:
      pod.outcome = outcome_of(record.kind);
      break;
    default:
      break;
  }
}

void History::record(const Record& record) {
  if (record.kind == RecordKind::RunStarted) {
    cluster = text_of(record, "cluster");
    region = text_of(record, "region");
    seed = number_of(record, "seed");
  }
  if (record.kind == RecordKind::ObjectApplied && record.subject.starts_with("clusterconfig "))
    cluster = name_of(record.subject);
  if (start == Instant()) start = record.at;
  end = record.at;
  digest_.record(record);
  switch (record.kind) {
    case RecordKind::InstanceLaunched:
      launched(record);
      break;
    case RecordKind::InstanceRunning:
      if (MachineLife* life = machine(text_of(record, "instance"))) life->running = record.at;
      break;
    case RecordKind::PriceChanged:
      prices.push_back(
          {record.at, pool_of(record), Money::micros(number_of(record, "price_micros"))});
      break;
    case RecordKind::ReservationUsed:
      slots.push_back({record.at, std::string(text_of(record, "reservation")),
                       number_of(record, "used"), number_of(record, "count"),
                       Money::micros(number_of(record, "price_micros"))});
      break;
    case RecordKind::InstanceTerminated:
      if (MachineLife* life = machine(text_of(record, "instance"))) {
        life->ended = record.at;
        life->reason = reasons.id(text_of(record, "reason"));
        life->seconds = number_of(record, "seconds");
        life->cost = Money::micros(number_of(record, "cost_micros"));
      }
      break;
    case RecordKind::SpotNotice:
      if (MachineLife* life = machine(text_of(record, "instance"))) life->notice = record.at;
      break;
    case RecordKind::NodeRegistered:
      if (MachineLife* life = machine(text_of(record, "instance"))) {
        life->node = text_of(record, "node");
        by_node_[life->node] = static_cast<std::size_t>(life - machines.data());
      }
      break;
    case RecordKind::NodeReady:
      if (MachineLife* life = machine_of_node(text_of(record, "node")); life && !life->ready)
        life->ready = record.at;
      break;
    case RecordKind::NodeResources:
      if (MachineLife* life = machine_of_node(text_of(record, "node")))
        for (const port::Field& field : record.fields)
          if (const auto* amount = std::get_if<std::int64_t>(&field.value)) {
            std::int64_t& most = life->resources[std::string(field.key)];
            most = std::max(most, *amount);
          }
      break;
    default:
      pod_record(record);
      break;
  }
}

void History::finish() {
  digest_.finish();
}

std::int64_t History::gpu_share(const PodLife& pod) const {
  if (pod.machine < 0) return pod.gpus * kMicro;
  const MachineLife& on = machines[static_cast<std::size_t>(pod.machine)];
  const auto offered = on.resources.find(resources.text(pod.resource));
  if (offered == on.resources.end() || offered->second <= 0) return pod.gpus * kMicro;
  return pod.gpus * kMicro * on.gpus / offered->second;
}

namespace {

struct Change {
  Instant at;
  Step by;                 // what is added to the numbers
  std::int64_t pool = -1;  // of a price change
  Money price;
  Money unused = {};  // what slots of reservations cost an hour more while nothing runs in them
};

void add(Step& to, const Step& by, int sign) {
  to.nodes += sign * by.nodes;
  to.gpu_nodes += sign * by.gpu_nodes;
  to.gpus += sign * by.gpus;
  to.gpu_micros_used += sign * by.gpu_micros_used;
  to.pods_pending += sign * by.pods_pending;
  to.pods_running += sign * by.pods_running;
  to.gpus_asked += sign * by.gpus_asked;
}

class Stepper {
 public:
  explicit Stepper(const History& history) : history_(history) {
    alive_.resize(history.pools.size());
    price_.resize(history.pools.size());
  }

  std::vector<Step> run() {
    machines();
    pods();
    reservations();
    for (const PricePoint& point : history_.prices)
      changes_.push_back({point.at, {}, point.pool, point.price});
    std::stable_sort(changes_.begin(), changes_.end(),
                     [](const Change& a, const Change& b) { return a.at < b.at; });
    std::vector<Step> steps;
    Step now;
    now.at = history_.start;
    steps.push_back(now);
    for (const Change& change : changes_) {
      apply(change, now);
      now.at = change.at;
      if (steps.back().at == now.at)
        steps.back() = now;
      else if (!same(steps.back(), now))
        steps.push_back(now);
    }
    return steps;
  }

 private:
  static bool same(const Step& a, Step b) {
    b.at = a.at;
    return a == b;
  }

  void span(Instant from, std::optional<Instant> to, const Step& what, std::int64_t pool,
            Money price) {
    changes_.push_back({from, what, pool, price});
    if (!to) return;
    Change end{*to, {}, pool, {}};
    add(end.by, what, -1);
    changes_.push_back(end);
  }

  void machines() {
    for (const MachineLife& life : history_.machines) {
      Step what;
      what.nodes = 1;
      what.gpu_nodes = life.gpus > 0 ? 1 : 0;
      what.gpus = life.gpus;
      span(life.launched, life.ended, what, life.pool, life.price);
    }
  }

  void pods() {
    for (const PodLife& pod : history_.pods) {
      Step asked;
      asked.gpus_asked = pod.gpus;
      span(pod.created, pod.ended, asked, -1, {});
      Step pending;
      pending.pods_pending = 1;
      span(pod.created, pod.running ? pod.running : pod.ended, pending, -1, {});
      Step held;
      held.gpu_micros_used = history_.gpu_share(pod);
      if (pod.scheduled) span(*pod.scheduled, pod.ended, held, -1, {});
      Step running;
      running.pods_running = 1;
      if (pod.running) span(*pod.running, pod.ended, running, -1, {});
    }
  }

  void reservations() {
    std::map<std::string, Money> before;
    for (const SlotsPoint& point : history_.slots) {
      const Money unused = point.price * (point.count - point.used);
      changes_.push_back({point.at, {}, -1, {}, unused - before[point.reservation]});
      before[point.reservation] = unused;
    }
  }

  /// A pool's machines all cost its latest price.
  void apply(const Change& change, Step& now) {
    add(now, change.by, 1);
    now.per_hour += change.unused;
    if (change.pool < 0) return;
    const auto pool = static_cast<std::size_t>(change.pool);
    now.per_hour -= price_[pool] * alive_[pool];
    alive_[pool] += change.by.nodes;
    if (change.by.nodes >= 0 && change.price > Money()) price_[pool] = change.price;
    now.per_hour += price_[pool] * alive_[pool];
  }

  const History& history_;
  std::vector<Change> changes_;
  std::vector<std::int64_t> alive_;
  std::vector<Money> price_;
};

}  // namespace

std::vector<Step> steps_of(const History& history) {
  return Stepper(history).run();
}

}  // namespace gputide::report
