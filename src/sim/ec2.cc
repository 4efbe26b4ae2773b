#include "sim/ec2.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

#include "base/text.h"

namespace gputide::sim {

using model::Market;
using port::Field;
using port::RecordKind;

std::unique_ptr<Cloud> make_cloud(Heap& heap, const pricing::Catalogue& catalogue,
                                  port::Recorder& recorder, InstanceListener& listener,
                                  CloudOptions options) {
  return std::make_unique<Ec2>(heap, catalogue, recorder, listener, std::move(options));
}

Ec2::Ec2(Heap& heap, const pricing::Catalogue& catalogue, port::Recorder& recorder,
         InstanceListener& listener, CloudOptions options)
    : heap_(heap),
      catalogue_(catalogue),
      recorder_(recorder),
      listener_(listener),
      options_(std::move(options)),
      pools_(catalogue, options_.seed, heap.now(), options_.market) {}

void Ec2::tell(RecordKind kind, std::string_view subject, std::string_view message,
               std::vector<Field> fields) {
  recorder_.record({heap_.now(), kind, "ec2", subject, message, std::move(fields)});
}

void Ec2::set_timer(Duration delay, Timer timer, Number number) {
  heap_.after(delay, Priority::Cloud, *this, (static_cast<std::uint64_t>(timer) << 56) | number);
}

void Ec2::fire(std::uint64_t key, Instant now) {
  const auto number = static_cast<Number>(key);
  switch (static_cast<Timer>(key >> 56)) {
    case Timer::Running:
      return instance_runs(instances_[number]);
    case Timer::Terminated:
      return instance_ended(instances_[number]);
    case Timer::Notice:
      return notice(instances_[number]);
    case Timer::Reclaim: {
      Instance& instance = instances_[number];
      --awaited_;
      if (alive(instance))
        end(instance, instance.reason,
            instance.reason == EndReason::Scenario ? "reclaimed as the scenario says"
                                                   : "reclaimed by AWS");
      return;
    }
    case Timer::FoundGone:
      return found_gone(instances_[number]);
    case Timer::GroupWakes: {
      Group& group = groups_[number];
      if (group.wake_at != now) return;  // set anew since
      group.wake_at.reset();
      return reconcile(group);
    }
    case Timer::PoolChanges: {
      Pool& pool = pools_[number];
      if (pool.watched && pool.wake_at == now) pool_changes(pool);
      return;
    }
    case Timer::ReservationBegins:
      return reservation_begins(number);
    case Timer::ReservationNotice:
      return reservation_notice(number);
    case Timer::ReservationCloses:
      return reservation_closes(number);
    case Timer::ReservationExpires:
      return reservation_expires(number);
  }
}

Rng Ec2::stream(const Instance& instance, std::string_view cause) const {
  return Rng(options_.seed ^ instance.key, cause);
}

// ---- Instances ----

Ec2::Instance& Ec2::launch(const Launch& what) {
  Pool& pool = *what.pool;
  Instance& made = instances_.emplace_back();
  made.number = static_cast<Number>(instances_.size() - 1);
  made.key = fnv1a(fmt::format("{}/{}/{}", pool.type->name, pool.zone, pool.launches++));
  made.id = fmt::format(
      "i-0{:016x}", Rng(options_.seed, "instance-id").state() ^ (made.key * 0x9e3779b97f4a7c15ULL));
  made.type = pool.type;
  made.zone = pool.zone;
  made.market = what.market;
  made.pool = pool.number;
  made.bootstrap = what.bootstrap;
  made.tags = what.tags;
  made.launched = heap_.now();
  const bool reserved = what.reservation != kNone;
  made.price = reserved ? &reservations_[what.reservation].price() : pool.price(what.market);
  made.takes_open = what.takes_open;
  made.price_per_hour = made.price->at(heap_.now());
  if (pool.on_demand_price != nullptr)
    made.on_demand_per_hour = pool.on_demand_price->at(heap_.now());
  made.weight = what.weight;
  made.priority = what.priority;
  made.max_price = what.max_price;
  by_id_.emplace(made.id, made.number);
  live_.push_back(made.number);
  give_address(made, subnet_of(what.group, pool.zone));
  if (what.group != nullptr) {
    made.group = what.group->facts.name;
    made.group_number = what.group->number;
    made.template_version = what.group->template_version;
    made.listed = true;
    what.group->members.push_back(made.number);
    what.group->told.reset();
  }
  if (what.market == Market::Spot) {
    pool.spot_instances.push_back(made.number);
    watch(pool);
  }
  Rng boot = stream(made, "launch");
  set_timer(Duration::milliseconds(boot.between(30'000, 90'000)), Timer::Running, made.number);
  if (reserved) made.reservation = reservations_[what.reservation].facts().id;
  std::vector<Field> fields{
      {"instance", made.id},
      {"type", made.type->name},
      {"zone", made.zone},
      {"market", reserved ? std::string_view("reserved") : model::market_name(made.market)},
      {"group", what.group != nullptr ? made.group : what.owner},
      {"gpus", made.type->visible_gpus()},
      {"price_micros", made.price_per_hour.micros()},
      {"vcpus", made.type->vcpu},
      {"memory_mib", made.type->memory_mib},
      {"candidates", static_cast<std::int64_t>(what.candidates)}};
  if (reserved) fields.push_back({"reservation", made.reservation});
  tell(RecordKind::InstanceLaunched, fmt::format("instance {}", made.id), what.why,
       std::move(fields));
  if (reserved) take_slot(made, what.reservation);
  state_changed(made, "pending");
  return made;
}

std::string_view Ec2::subnet_of(const Group* group, std::string_view zone) const {
  const auto in_group = [&](const Group& of) -> std::string_view {
    for (std::size_t i = 0; i < of.subnet_cidrs.size(); ++i)
      if (of.facts.availability_zones[i] == zone) return of.subnet_cidrs[i];
    return {};
  };
  if (group != nullptr)
    if (const auto cidr = in_group(*group); !cidr.empty()) return cidr;
  for (const Group& other : groups_)
    if (const auto cidr = in_group(other); !cidr.empty()) return cidr;
  for (const model::Subnet& subnet : subnets_)
    if (subnet.zone == zone) return subnet.cidr;
  return "192.168.96.0/19";
}

void Ec2::give_address(Instance& instance, std::string_view cidr) {
  const auto parts = split(cidr.substr(0, cidr.find('/')), '.');
  std::uint32_t base = 0;
  for (const std::string_view part : parts) {
    std::uint32_t byte = 0;
    std::from_chars(part.data(), part.data() + part.size(), byte);
    base = (base << 8) | byte;
  }
  int prefix = 19;
  const std::string_view bits = cidr.substr(cidr.find('/') + 1);
  std::from_chars(bits.data(), bits.data() + bits.size(), prefix);
  // AWS keeps the first four addresses and the last one of a subnet.
  const std::uint64_t hosts = (std::uint64_t{1} << (32 - prefix)) - 5;
  Rng draws = stream(instance, "address");
  do {
    const auto ip = base + 4 + static_cast<std::uint32_t>(draws.below(hosts));
    instance.private_ip =
        fmt::format("{}.{}.{}.{}", ip >> 24, (ip >> 16) & 255, (ip >> 8) & 255, ip & 255);
  } while (addresses_.size() < hosts && !addresses_.insert(instance.private_ip).second);
  std::string name = "ip-" + instance.private_ip;
  std::replace(name.begin(), name.end(), '.', '-');
  const std::string_view region = pools_[instance.pool].region;
  instance.private_dns_name = region == "us-east-1"
                                  ? name + ".ec2.internal"
                                  : fmt::format("{}.{}.compute.internal", name, region);
}

void Ec2::state_changed(const Instance& instance, std::string_view state) {
  listener_.instance_notice(
      {port::InstanceNotice::Kind::StateChange, instance.id, std::nullopt, std::string(state)});
}

void Ec2::enter(Instance& instance, State state) {
  instance.state = state;
  if (instance.group_number != kNone) groups_[instance.group_number].told.reset();
}

void Ec2::leave(Instance& instance) {
  instance.leaving = true;
  groups_[instance.group_number].told.reset();
}

void Ec2::instance_runs(Instance& instance) {
  if (instance.state != State::Pending) return;
  enter(instance, State::Running);
  bills_.start(instance.number, *instance.type, instance.market, *instance.price, heap_.now());
  if (instance.reservation_number != kNone)
    reservations_[instance.reservation_number].starts_bill(heap_.now());
  tell(RecordKind::InstanceRunning, fmt::format("instance {}", instance.id),
       fmt::format("{} runs {} after its launch; it is billed from now on", instance.type->name,
                   Duration::seconds((heap_.now() - instance.launched).whole_seconds()).text()),
       {{"instance", instance.id}});
  state_changed(instance, "running");
  listener_.instance_running(instance);
  if (instance.group_number != kNone) in_service(groups_[instance.group_number], instance);
}

namespace {

constexpr std::string_view kReasons[] = {"scale-in", "spot-interruption", "rebalance", "scenario",
                                         "fleet",    "capacity-block"};

}  // namespace

void Ec2::end(Instance& instance, EndReason reason, std::string_view why) {
  GPUTIDE_CHECK(alive(instance));
  enter(instance, State::ShuttingDown);
  instance.reason = reason;
  const bool by_aws = reason == EndReason::SpotInterruption || reason == EndReason::Scenario;
  const bool ran = bills_.billed_seconds(instance.number, heap_.now()) > 0;
  bills_.stop(instance.number, heap_.now(), by_aws);
  if (ran && instance.reservation_number != kNone)
    reservations_[instance.reservation_number].stops_bill(
        bills_.cost_of(instance.number, heap_.now()), heap_.now());
  if (instance.market == Market::Spot)
    std::erase(pools_[instance.pool].spot_instances, instance.number);
  state_changed(instance, "shutting-down");
  listener_.instance_stopping(instance);

  const Money cost = bills_.cost_of(instance.number, heap_.now());
  const std::int64_t seconds = bills_.billed_seconds(instance.number, heap_.now());
  const std::string bill =
      !ran ? std::string("it never ran, so it costs nothing")
      : seconds == 0
          ? std::string("within its first hour, so AWS does not charge it")
          : fmt::format("billed {} for ${}", Duration::seconds(seconds).text(), cost.text(4));
  tell(RecordKind::InstanceTerminated, fmt::format("instance {}", instance.id),
       fmt::format("{}; {}", why, bill),
       {{"instance", instance.id},
        {"reason", kReasons[static_cast<std::size_t>(reason)]},
        {"seconds", seconds},
        {"cost_micros", cost.micros()}});
  Rng shutdown = stream(instance, "shutdown");
  set_timer(Duration::milliseconds(shutdown.between(20'000, 60'000)), Timer::Terminated,
            instance.number);
  if (instance.listed && !instance.leaving) {
    // The group has not ended it itself: its health check finds out.
    ++awaited_;
    Rng check = stream(instance, "health-check");
    set_timer(Duration::milliseconds(check.between(5'000, 45'000)), Timer::FoundGone,
              instance.number);
  }
}

void Ec2::instance_ended(Instance& instance) {
  enter(instance, State::Terminated);
  addresses_.erase(instance.private_ip);
  live_.erase(std::lower_bound(live_.begin(), live_.end(), instance.number));
  state_changed(instance, "terminated");
  if (instance.reservation_number != kNone) give_slot_back(instance);
  if (instance.leaving && instance.listed) {
    Group& group = groups_[instance.group_number];
    finish_activity(group, instance);
    forget_member(group, instance.number);
    delete_if_empty(group);
    if (!group.gone && group.facts.availability_zones.size() > 1) wake(group, Duration::seconds(5));
  }
}

Ec2::Instance* Ec2::by_id(std::string_view id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &instances_[found->second];
}

const CloudInstance* Ec2::find(const std::string& instance_id) const {
  const auto found = by_id_.find(instance_id);
  return found == by_id_.end() ? nullptr : &instances_[found->second];
}

std::vector<const CloudInstance*> Ec2::live_instances() const {
  std::vector<const CloudInstance*> list;
  for (const Number number : live_)
    if (alive(instances_[number])) list.push_back(&instances_[number]);
  return list;
}

void Ec2::set_gpu_use(const std::string& instance_id, std::int64_t used, std::int64_t of) {
  const Instance* instance = by_id(instance_id);
  GPUTIDE_CHECK(instance != nullptr);
  bills_.set_gpu_use(instance->number, used, of, heap_.now());
}

Money Ec2::cost_of(const std::string& instance_id) const {
  const auto found = by_id_.find(instance_id);
  return found == by_id_.end() ? Money() : bills_.cost_of(found->second, heap_.now());
}

bool Ec2::at_rest() const {
  if (awaited_ > 0) return false;
  for (const Number number : live_)
    if (instances_[number].state != State::Running) return false;
  for (const Group& group : groups_)
    if (group.wake_at) return false;
  if (slots_changed_ && heap_.now() - *slots_changed_ <= Duration::minutes(1)) return false;
  return std::none_of(reservations_.begin(), reservations_.end(), [](const Reservation& each) {
    return each.facts().state == "scheduled" || (each.facts().end && !each.holders().empty());
  });
}

}  // namespace gputide::sim
