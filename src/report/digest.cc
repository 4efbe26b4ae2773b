#include "report/digest.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "report/fields.h"

namespace gputide::report {
namespace {

using port::Record;
using port::RecordKind;

/// Up to so many owners a line tells of one owner only; beyond, owners no longer matter to a
/// reader.
constexpr std::size_t kFewOwners = 20;
/// A line tells of so many `apart` at most.
constexpr std::int64_t kLongest = 4;
/// A run of this length is told in so many steps of `apart`.
constexpr std::int64_t kSteps = 400;

/// So soon after a pod's last reason to wait, another one is not told.
constexpr Duration kPatience = Duration::minutes(10);

/// What a controller says of groups and nodes: the same sentence is the same happening.
bool decision(RecordKind kind) {
  return kind == RecordKind::ScaleUp || kind == RecordKind::ScaleDown ||
         kind == RecordKind::NodeUnneeded || kind == RecordKind::NodeNotReady;
}

bool about_pod(RecordKind kind) {
  return kind >= RecordKind::PodCreated && kind <= RecordKind::PodDeleted;
}

Mark mark_of(const Record& record) {
  switch (record.kind) {
    case RecordKind::InstanceLaunched:
    case RecordKind::ReservationStarted:
      return Mark::MoneyStarts;
    case RecordKind::InstanceTerminated:
      return text_of(record, "reason") == "spot-interruption" ||
                     text_of(record, "reason") == "capacity-block"
                 ? Mark::Interruption
                 : Mark::MoneyStops;
    case RecordKind::ReservationEnded:
      return Mark::MoneyStops;
    case RecordKind::ReservationNotice:
    case RecordKind::SpotNotice:
    case RecordKind::RebalanceRecommendation:
      return Mark::Interruption;
    case RecordKind::ScaleUp:
    case RecordKind::ScaleDown:
      return Mark::Decision;
    case RecordKind::PodRunning:
    case RecordKind::PodSucceeded:
      return Mark::Good;
    case RecordKind::Diagnostic:
    case RecordKind::LaunchFailed:
    case RecordKind::NodeNotReady:
    case RecordKind::PodUnschedulable:
    case RecordKind::PodFailed:
    case RecordKind::PodEvicted:
    case RecordKind::PodPreempted:
    case RecordKind::CheckFailed:
      return Mark::Warning;
    case RecordKind::Event:
      return number_of(record, "warning") != 0 ? Mark::Warning : Mark::None;
    default:
      return Mark::None;
  }
}

// Kubernetes Events that say what no other record says.
bool is_told(const Record& event) {
  const std::string_view reason = text_of(event, "reason");
  return number_of(event, "warning") != 0 || reason == "ProvisioningSucceeded" ||
         // A pod waits for what a ProvisioningRequest was promised.
         (reason.empty() && event.subject.starts_with("pod ")) ||
         event.subject.starts_with("provisioningrequest ");
}

bool only_for_machines(const Record& record) {
  switch (record.kind) {
    case RecordKind::RunStarted:
    case RecordKind::GroupResized:
    case RecordKind::InstanceRunning:
    case RecordKind::PriceChanged:
    case RecordKind::CapacityChanged:
    case RecordKind::NodeRegistered:
    case RecordKind::NodeTainted:
    case RecordKind::NodeDeleted:
    case RecordKind::PodScheduled:
    case RecordKind::PodPulling:
    case RecordKind::ScaleUpSkipped:
    case RecordKind::ReservationUsed:
      return true;
    case RecordKind::Event:
      return !is_told(record);
    default:
      return false;
  }
}

/// Records of these kinds are each a line of their own.
bool alone(RecordKind kind) {
  return kind == RecordKind::RunEnded || kind == RecordKind::Diagnostic ||
         kind == RecordKind::GroupCreated || kind == RecordKind::CheckFailed ||
         kind >= RecordKind::ReservationStarted;
}

/// "nvidia.com/gpu 4, ..." of a NodeResources record.
std::string resources_of(const Record& record) {
  std::string text;
  for (const port::Field& field : record.fields) {
    const auto* amount = std::get_if<std::int64_t>(&field.value);
    if (amount == nullptr || field.key == "node") continue;
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", *amount, field.key);
  }
  return text;
}

}  // namespace

Digest::Digest(DigestOptions options, Take take) : options_(options), take_(std::move(take)) {}

bool Digest::told(const Record& record) {
  if (options_.everything) return true;
  if (only_for_machines(record)) return false;
  // A machine that is gone does not answer: nothing new.
  if (record.kind == RecordKind::NodeNotReady) return machine_of(record) != nullptr;
  if (!about_pod(record.kind)) return true;
  const auto pod = counted_.find(std::string(record.subject));
  if (pod == counted_.end()) return false;
  if (record.kind != RecordKind::PodUnschedulable) return true;
  std::optional<Instant>& last = pod->second;
  if (last && record.at - *last < kPatience) return false;
  last = record.at;
  return true;
}

void Digest::remember(const Record& record) {
  if (!started_) {
    started_ = true;
    start_ = record.at;
  }
  switch (record.kind) {
    case RecordKind::RunStarted:
      options_.apart =
          std::max(options_.apart, Duration::seconds(number_of(record, "until_seconds") / kSteps));
      break;
    case RecordKind::GroupCreated: {
      const std::string_view name = text_of(record, "group");
      std::string shorter = group_text(name);
      if (shorter != name) groups_.emplace_back(name, std::move(shorter));
      break;
    }
    case RecordKind::PodCreated:
      if (number_of(record, "counted") != 0) {
        counted_[std::string(record.subject)] = {};
        if (owners_.size() <= kFewOwners) owners_.insert(std::string(text_of(record, "owner")));
      }
      break;
    case RecordKind::InstanceLaunched:
      machines_[std::string(text_of(record, "instance"))] = {std::string(text_of(record, "type")),
                                                             record.at};
      break;
    case RecordKind::NodeRegistered:
      instance_of_[std::string(text_of(record, "node"))] = text_of(record, "instance");
      break;
    default:
      break;
  }
}

void Digest::forget(const Record& record) {
  if (record.kind == RecordKind::PodSucceeded || record.kind == RecordKind::PodFailed ||
      record.kind == RecordKind::PodDeleted)
    counted_.erase(std::string(record.subject));
  if (record.kind == RecordKind::InstanceTerminated)
    machines_.erase(std::string(text_of(record, "instance")));
  if (record.kind == RecordKind::NodeDeleted)
    instance_of_.erase(std::string(text_of(record, "node")));
}

std::string Digest::with_short_groups(std::string text) const {
  if (options_.everything || text.find("eks") == std::string::npos) return text;
  for (const auto& [name, shorter] : groups_)
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at))
      text.replace(at, name.size(), shorter);
  return text;
}

const Digest::Machine* Digest::machine_of(const Record& record) const {
  std::string instance(text_of(record, "instance"));
  if (instance.empty()) {
    const auto found = instance_of_.find(std::string(text_of(record, "node")));
    if (found == instance_of_.end()) return nullptr;
    instance = found->second;
  }
  const auto machine = machines_.find(instance);
  return machine == machines_.end() ? nullptr : &machine->second;
}

std::string Digest::key_of(const Record& record) const {
  std::string key = fmt::format("{}|{}", static_cast<int>(record.kind), record.actor);
  const auto also = [&](std::string_view part) { key.append(1, '|').append(part); };
  if (decision(record.kind)) {
    also(record.message);
    return key;
  }
  for (const std::string_view field : {"zone", "market", "reservation", "group", "reason", "code",
                                       "by", "file", "change", "gpu_resource"})
    also(text_of(record, field));
  switch (record.kind) {
    case RecordKind::PodCreated:
      key += fmt::format("|{}", number_of(record, "gpus"));
      if (owners_.size() <= kFewOwners) also(text_of(record, "owner"));
      break;
    case RecordKind::PodUnschedulable:
    case RecordKind::Event:
      also(record.message);
      break;
    case RecordKind::NodeResources:
      also(resources_of(record));
      break;
    default:
      break;
  }
  if (!about_pod(record.kind))
    if (const Machine* machine = machine_of(record)) also(machine->type);
  if (about_pod(record.kind) && owners_.size() <= kFewOwners) {
    // A pod's name is its owner's and a suffix.
    const std::string_view name = record.subject;
    also(name.substr(0, name.rfind('-')));
  }
  return key;
}

void Digest::join(Happening& into, const Record& record) {
  if (into.count == 0) {
    into.kind = record.kind;
    into.mark = mark_of(record);
    into.first = record.at;
    into.who = record.actor;
    into.message = record.message;
    into.subject = record.subject;
    into.zone = text_of(record, "zone");
    into.market = text_of(record, "market");
    if (const std::string_view in = text_of(record, "reservation"); !in.empty())
      into.market += fmt::format(" ({})", in);
    into.group = group_text(text_of(record, "group"));
    into.reason = text_of(record, "reason");
    into.resource = text_of(record, "gpu_resource");
    into.gpus_each = number_of(record, "gpus");
    into.detail = record.kind == RecordKind::NodeResources ? std::string(resources_of(record))
                  : record.kind == RecordKind::ObjectApplied
                      ? std::string(text_of(record, "change"))
                      : std::string(text_of(record, "by"));
    into.file = text_of(record, "file");
    into.line = number_of(record, "line");
  }
  if (record.kind == RecordKind::ScaleUp)
    into.changes += fmt::format("{}{} {} → {}", into.changes.empty() ? "" : ", ",
                                group_text(text_of(record, "group")), number_of(record, "from"),
                                number_of(record, "to"));
  into.last = record.at;
  ++into.count;
  into.names.add(name_of(record.subject));
  if (const std::string_view node = text_of(record, "node"); !node.empty())
    into.nodes.insert(std::string(node));
  into.money += Money::micros(number_of(record, "cost_micros"));
  const Money price = Money::micros(number_of(record, "price_micros"));
  into.least_price = into.count == 1 ? price : std::min(into.least_price, price);
  into.most_price = std::max(into.most_price, price);

  const Machine* machine = about_pod(record.kind) ? nullptr : machine_of(record);
  if (machine != nullptr) into.type = machine->type;
  if (into.type.empty()) into.type = text_of(record, "type");
  Duration span;
  if (record.kind == RecordKind::PodRunning)
    span = Duration::seconds(number_of(record, "wait_seconds"));
  else if (record.kind == RecordKind::InstanceTerminated)
    span = Duration::seconds(number_of(record, "seconds"));
  else if (record.kind == RecordKind::NodeReady && machine != nullptr)
    span = record.at - machine->launched;
  into.shortest = into.count == 1 ? span : std::min(into.shortest, span);
  into.longest = std::max(into.longest, span);
}

void Digest::record(const Record& record) {
  remember(record);
  release(record.at, false);
  if (told(record)) {
    const bool single = options_.everything || alone(record.kind);
    std::string key = single ? std::string() : key_of(record);
    const auto found = single ? by_key_.end() : by_key_.find(key);
    Happening* into = nullptr;
    if (found != by_key_.end() && found->second >= released_) {
      Happening& candidate = open_[found->second - released_];
      if (record.at - candidate.last <= options_.apart &&
          record.at - candidate.first <= options_.apart * kLongest)
        into = &candidate;
    }
    if (into == nullptr) {
      if (!single) by_key_[std::move(key)] = released_ + open_.size();
      into = &open_.emplace_back();
      into->closed = single;
    }
    join(*into, record);
  }
  forget(record);
}

void Digest::release(Instant now, bool all) {
  while (!open_.empty()) {
    const Happening& next = open_.front();
    const bool over = next.closed || now - next.last > options_.apart ||
                      now - next.first > options_.apart * kLongest;
    if (!all && !over) return;
    take_({next.first, next.last - next.first, next.who, with_short_groups(phrase(next)), next.mark,
           next.kind, next.count});
    open_.pop_front();
    ++released_;
  }
  if (by_key_.size() > 10'000) by_key_.clear();
}

void Digest::finish() {
  release({}, true);
}

}  // namespace gputide::report
