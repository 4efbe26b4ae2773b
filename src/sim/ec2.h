// The simulated EC2 and Auto Scaling. Its parts: instances and the bill (ec2.cc), what the spot
// market does to them (ec2_spot.cc), Auto Scaling groups (ec2_groups.cc), capacity reservations
// (ec2_reservations.cc), the API (ec2_requests.cc).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "decide/pricing/catalogue.h"
#include "model/aws.h"
#include "port/cloud.h"
#include "port/record.h"
#include "sim/asg_policy.h"
#include "sim/billing.h"
#include "sim/cloud.h"
#include "sim/heap.h"
#include "sim/pools.h"
#include "sim/reservations.h"

namespace gputide::sim {

class Ec2 final : public Cloud, private Handler {
 public:
  Ec2(Heap& heap, const pricing::Catalogue& catalogue, port::Recorder& recorder,
      InstanceListener& listener, CloudOptions options);

  void apply_node_group(const model::NodeGroupPlan& plan) override;
  void apply_subnets(std::vector<model::Subnet> subnets) override { subnets_ = std::move(subnets); }
  void delete_node_group(const std::string& group) override;
  Result<void> add_reservation(model::CapacityReservation facts, std::optional<Money> fee) override;
  port::CloudAnswer call(const port::CloudRequest& request) override;
  void interrupt(const std::string& zone, const std::string& instance_type,
                 double fraction) override;
  bool at_rest() const override;
  void set_gpu_use(const std::string& instance_id, std::int64_t used, std::int64_t of) override;
  Money cost_of(const std::string& instance_id) const override;
  CloudCost cost() const override;
  std::vector<CostOfType> cost_by_type() const override { return bills_.by_type(heap_.now()); }
  GpuTime gpu_time() const override { return bills_.gpu_time(heap_.now()); }
  std::vector<CostOfReservation> cost_of_reservations() const override;
  std::vector<const CloudInstance*> live_instances() const override;
  const CloudInstance* find(const std::string& instance_id) const override;

 private:
  using Number = std::uint32_t;
  static constexpr Number kNone = UINT32_MAX;

  enum class State : std::uint8_t { Pending, Running, ShuttingDown, Terminated };
  enum class EndReason : std::uint8_t {
    ScaleIn,
    SpotInterruption,
    Rebalance,
    Scenario,
    Fleet,
    CapacityBlock
  };

  struct Instance : CloudInstance {
    Number number = 0;
    State state = State::Pending;
    EndReason reason = EndReason::ScaleIn;
    Number group_number = kNone;
    std::uint32_t pool = 0;
    std::int64_t weight = 1;
    std::int64_t priority = 0;
    std::int64_t template_version = 1;
    std::optional<Money> max_price;
    PriceProcess* price = nullptr;
    Number reservation_number = kNone;  // whose slot it holds
    bool takes_open = true;             // any open reservation that it matches
    std::uint64_t key = 0;              // names its random streams
    std::optional<Instant> reclaim_at;  // the notice went out, or goes out then
    std::optional<Instant> ends_at;     // told by the notice
    bool noticed = false;
    bool hinted = false;
    // In its group's eyes:
    bool listed = false;       // still in the group's list
    bool leaving = false;      // the group ends it, or found it gone
    bool extra = false;        // launched beyond the desired capacity, until it is in service
    Number replaces = kNone;   // ends that one when in service
    bool replaced = false;     // another one is launched in its place
    std::size_t activity = 0;  // number of the one under way, from 1; 0: none
  };

  struct Group {
    Number number = 0;
    model::AutoScalingGroup facts;  // without instances
    std::string nodegroup_name;
    model::LaunchTemplateData launch;
    std::int64_t template_version = 1;
    const model::NodeBootstrap* bootstrap = nullptr;
    const model::StringMap* tags = nullptr;
    std::vector<std::string> subnet_cidrs;
    std::optional<model::ManagedNodegroupDescription> managed;
    std::vector<Number> members;  // listed instances, in order of launch
    port::GroupRef told;          // what a description says; nullptr: changed since
    std::deque<model::ScalingActivity> activities;  // oldest first; AWS keeps six weeks, we 1000
    std::size_t forgotten = 0;                      // activities before those
    std::optional<Instant> wake_at;                 // when the group compares desired and actual
    std::string cause;                              // why desired capacity is what it is
    int failures = 0;                               // launches in a row that found no capacity
    bool deleting = false;
    bool gone = false;
  };

  // What a key of the heap means: kind in the top byte, a number below.
  enum class Timer : std::uint8_t {
    Running,
    Terminated,
    Notice,
    Reclaim,
    FoundGone,
    GroupWakes,
    PoolChanges,
    ReservationBegins,
    ReservationNotice,
    ReservationCloses,
    ReservationExpires
  };
  void set_timer(Duration delay, Timer timer, Number number);
  void fire(std::uint64_t key, Instant now) override;

  // -- instances --
  struct Launch {
    Pool* pool = nullptr;
    model::Market market = model::Market::OnDemand;
    Group* group = nullptr;  // nullptr: a fleet's
    std::string owner;       // of a fleet: its NodePool, if its tags name one
    const model::NodeBootstrap* bootstrap = nullptr;
    const model::StringMap* tags = nullptr;
    std::int64_t weight = 1;
    std::int64_t priority = 0;
    std::optional<Money> max_price;
    Number reservation = kNone;
    bool takes_open = true;
    std::size_t candidates = 1;
    std::string why;
  };
  Instance& launch(const Launch& what);
  void instance_runs(Instance& instance);
  /// Shuts down: the bill ends, nothing runs on it any more.
  void end(Instance& instance, EndReason reason, std::string_view why);
  void instance_ended(Instance& instance);
  void give_address(Instance& instance, std::string_view cidr);
  std::string_view subnet_of(const Group* group, std::string_view zone) const;
  void state_changed(const Instance& instance, std::string_view state);
  Instance* by_id(std::string_view id);
  void enter(Instance& instance, State state);
  /// Its group ends it, or found it gone.
  void leave(Instance& instance);
  bool alive(const Instance& instance) const { return instance.state <= State::Running; }
  Rng stream(const Instance& instance, std::string_view cause) const;

  // -- the spot market --
  void watch(Pool& pool);
  void pool_changes(Pool& pool);
  void plan_hint(Pool& pool);
  void take_back(const std::vector<Number>& victims, EndReason reason, Rng& draws);
  void herd(Pool& pool);
  void price_moves(Pool& pool);
  void hint(Pool& pool);
  void recommend(Instance& instance);
  void notice(Instance& instance);

  // -- capacity reservations --
  void reservation_begins(Number number);
  void reservation_notice(Number number);
  void reservation_closes(Number number);
  void reservation_expires(Number number);
  void tell_slots(Number number);
  void take_slot(Instance& instance, Number number);
  void give_slot_back(Instance& instance);
  /// Instances that run and match an open reservation come to run in it.
  void fill(Number number);
  /// An open reservation that an instance of the pool would run in now.
  Number open_reservation(const Pool& pool) const;
  /// Whether one more instance can be had of the pool now, and in which reservation it would run.
  struct Room {
    bool free = false;
    Number reservation = kNone;
    std::string code, message;  // as AWS words it, where a reservation is why it is not free
  };
  Room room(Pool& pool, model::Market market, const model::LaunchTemplateData& launch);
  Room room_in(const std::string& id, const Pool& pool, model::Market market, bool as_block) const;
  /// nullptr: not sold in that way there.
  PriceProcess* price_of(const Pool& pool, model::Market market,
                         const model::LaunchTemplateData& launch);
  Money unused_cost(const Reservation& reservation, Money used) const;
  Money used_cost(const Reservation& reservation) const;

  // -- groups --
  Group* group_named(std::string_view name);
  void wake(Group& group, Duration delay);
  void reconcile(Group& group);
  bool suspended(const Group& group, std::string_view process) const;
  /// What a group has, without the instances that leave.
  struct Census {
    std::int64_t all = 0;  // units of capacity
    std::int64_t on_demand = 0;
    std::int64_t spot = 0;
    std::int64_t extra = 0;  // of them launched beyond the desired capacity, not yet in service
    bool settled = true;     // nothing is pending or leaving
    std::map<std::string_view, std::int64_t> by_zone;  // instances
    std::map<std::uint32_t, std::int64_t> by_pool;     // instances
  };
  Census census(const Group& group) const;
  void grow(Group& group, std::int64_t units, Census& now);
  /// What came of one attempt to launch.
  struct Attempt {
    Instance* instance = nullptr;
    std::string code;     // as AWS words it, when there is no instance
    std::string message;  // the same
    std::string type;     // the first one that was tried
  };
  /// Tries the zones of the group, the emptiest first; zones without capacity are added to
  /// `exhausted`. Returns the last attempt.
  Attempt launch_one(Group& group, model::Market market, Census& now,
                     std::set<std::string, std::less<>>& exhausted);
  Attempt launch_in_zone(Group& group, model::Market market, const std::string& zone, Census& now);
  void launch_failed(Group& group, model::Market market, const Attempt& attempt,
                     const std::set<std::string, std::less<>>& zones, std::string_view next);
  void shrink(Group& group, std::int64_t units);
  Number victim(const Group& group) const;
  void balance_zones(Group& group, Census& now);
  void rebalance_capacity(Group& group, Census& now);
  void take_out(Group& group, Instance& instance, EndReason reason, std::string_view cause);
  void found_gone(Instance& instance);
  void in_service(Group& group, Instance& instance);
  void forget_member(Group& group, Number number);
  void delete_if_empty(Group& group);
  /// Returns its number, from 1.
  std::size_t add_activity(Group& group, std::string status, std::string description,
                           std::string cause, std::string message = {});
  void finish_activity(Group& group, Instance& instance);
  void announce(const Group& group);
  /// The pools of a market that the group may launch from in a zone.
  struct Candidates {
    std::vector<Pool*> pools;
    std::vector<PoolChoice> choices;
    std::vector<std::int64_t> weights;
    std::string strategy;
    std::int64_t spot_pools = 1;
    std::optional<Money> max_price;
    std::string first_type;
    bool too_dear = false;  // pools were left out because of the group's maximum price
    Money cheapest;         // of those
  };
  Candidates candidates(const Group& group, model::Market market, const std::string& zone,
                        const Census& now);

  // -- requests --
  port::CloudAnswer answer(const port::DescribeAutoScalingGroups& request);
  port::CloudAnswer answer(const port::DescribeScalingActivities& request);
  port::CloudAnswer answer(const port::SetDesiredCapacity& request);
  port::CloudAnswer answer(const port::TerminateInstanceInGroup& request);
  port::CloudAnswer answer(const port::DescribeLaunchTemplateVersion& request);
  port::CloudAnswer answer(const port::DescribeNodegroup& request);
  port::CloudAnswer answer(const port::DescribeSubnets& request);
  port::CloudAnswer answer(const port::CreateFleet& request);
  port::CloudAnswer answer(const port::TerminateInstances& request);
  port::CloudAnswer answer(const port::DescribeCapacityReservations& request);
  static model::LifecycleState lifecycle(const Instance& member);
  const port::GroupRef& describe(Group& group);
  struct FleetPools {
    std::vector<Pool*> pools;
    std::vector<PoolChoice> choices;
    void drop(std::size_t i);
  };
  /// The pools that a fleet may launch from; those that it may not are errors of `result`.
  FleetPools fleet_pools(const port::CreateFleet& request, port::FleetResult& result);
  port::FleetResult run_fleet(const port::CreateFleet& request);

  void tell(port::RecordKind kind, std::string_view subject, std::string_view message,
            std::vector<port::Field> fields);

  Heap& heap_;
  const pricing::Catalogue& catalogue_;
  port::Recorder& recorder_;
  InstanceListener& listener_;
  const CloudOptions options_;
  PoolTable pools_;
  BillingLedger bills_;
  std::deque<Instance> instances_;  // by number
  std::unordered_map<std::string_view, Number> by_id_;
  std::vector<Number> live_;  // not terminated, in order of launch
  std::set<std::string, std::less<>> addresses_;
  std::vector<model::Subnet> subnets_;
  std::deque<Reservation> reservations_;
  std::map<std::string, Number, std::less<>> reservation_by_id_;
  std::optional<Instant> slots_changed_;  // who looks every minute will have seen it a minute on
  std::deque<Group> groups_;
  std::map<std::string, Number, std::less<>> group_by_name_;
  std::deque<model::NodeBootstrap> bootstraps_;
  std::deque<model::StringMap> tag_sets_;
  std::map<std::string, std::pair<std::string, port::FleetResult>> fleets_;  // by client token
  std::uint64_t scenario_interruptions_ = 0;
  std::int64_t awaited_ = 0;  // notices under way and ends not yet noticed by a group
};

}  // namespace gputide::sim
