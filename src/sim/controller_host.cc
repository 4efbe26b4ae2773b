#include "sim/controller_host.h"

#include <algorithm>
#include <memory>
#include <type_traits>
#include <utility>

#include "base/text.h"

namespace gputide::sim {

namespace {

// From a request to its answer: the order of what the AWS APIs take.
constexpr Duration kCloudLatency = Duration::milliseconds(200);

port::ObjectRef ref_of(const model::Typed& object) {
  const model::ObjectMeta* meta = meta_of(object);
  if (meta == nullptr) return {};
  return {std::string(kind_of(object)), meta->namespace_, meta->name};
}

}  // namespace

namespace {

// An event of the kind `Kind`, of its members.
template <class Kind, class... Members>
std::shared_ptr<const port::Event> event_of(Members&&... members) {
  return std::make_shared<const port::Event>(std::in_place_type<Kind>,
                                             std::forward<Members>(members)...);
}

}  // namespace

// One controller with its inbox and timers.
class ControllerHost::Slot final : public Handler {
 public:
  Slot(ControllerHost& host, std::unique_ptr<port::Controller> controller, Priority priority,
       Watches watches)
      : host_(host), controller_(std::move(controller)), priority_(priority), watches_(watches) {}

  bool alive() const { return controller_ != nullptr; }
  const port::Controller& controller() const { return *controller_; }
  std::string_view name() const { return controller_->name(); }
  Priority priority() const { return priority_; }
  const Watches& watches() const { return watches_; }

  void stop() {
    controller_.reset();
    inbox_.clear();
    timers_.clear();
    timer_slots_.clear();
    calls_.clear();
  }

  using Letter = std::shared_ptr<const port::Event>;  // all who are told of an event share it
  void deliver(Letter letter) {
    inbox_.push_back(std::move(letter));
    if (delivering_) return;
    delivering_ = true;
    ++host_.busy_;
    host_.heap_.at(host_.heap_.now(), priority_, *this, kDelivery);
  }

  void set_timer(const port::SetTimer& timer) {
    const auto [at, added] =
        timer_slots_.try_emplace(timer.key, static_cast<std::uint32_t>(timers_.size()));
    if (added) timers_.push_back({timer.key, 0, false, {}});
    Timer& slot = timers_[at->second];
    if (!timer.at) {
      slot.armed = false;
      return;
    }
    if (slot.armed && slot.at == *timer.at) return;
    slot.armed = true;
    slot.at = *timer.at;
    ++slot.generation;
    host_.heap_.at(*timer.at, priority_, *this,
                   kTimer | (std::uint64_t{at->second} << 30) | (slot.generation & kGeneration));
  }

  void expect_answer(port::CloudCall call) {
    ++host_.busy_;
    calls_.push_back(std::move(call));
    host_.heap_.after(kCloudLatency, Priority::Cloud, *this, kCall);
  }

  void fire(std::uint64_t key, Instant now) override {
    if (key == kDelivery) {
      --host_.busy_;
      deliver_all(now);
    } else if (key == kCall) {
      --host_.busy_;
      answer_call();
    } else {
      fire_timer(key, now);
    }
  }

 private:
  struct Timer {
    std::uint64_t key;
    std::uint64_t generation;
    bool armed;
    Instant at;
  };
  static constexpr std::uint64_t kDelivery = 0;
  static constexpr std::uint64_t kCall = 1;
  static constexpr std::uint64_t kTimer = std::uint64_t{1} << 62;
  static constexpr std::uint64_t kGeneration = (std::uint64_t{1} << 30) - 1;

  void deliver_all(Instant now) {
    delivering_ = false;
    batch_.swap(inbox_);
    for (const Letter& letter : batch_) {
      if (!alive()) break;
      step(*letter, now);
    }
    batch_.clear();
  }

  void step(const port::Event& event, Instant now) {
    controller_->step(event, now, commands_);
    if (commands_.empty()) return;
    host_.execute(*this, commands_);
    commands_.clear();
  }

  // The request reaches the cloud and its answer comes back: latency is counted once.
  void answer_call() {
    if (calls_.empty()) return;  // stopped since
    port::CloudCall call = std::move(calls_.front());
    calls_.erase(calls_.begin());
    port::CloudAnswer answer = port::CloudError{"ServiceUnavailable", "there is no cloud here"};
    if (host_.cloud_ != nullptr) answer = host_.cloud_->call(call.request);
    deliver(event_of<port::CloudAnswered>(call.call, std::move(answer)));
  }

  void fire_timer(std::uint64_t key, Instant now) {
    const std::size_t at = (key & ~kTimer) >> 30;
    if (at >= timers_.size()) return;
    Timer& timer = timers_[at];
    if (!timer.armed || (timer.generation & kGeneration) != (key & kGeneration)) return;
    timer.armed = false;
    step(port::TimerFired{timer.key}, now);
  }

  ControllerHost& host_;
  std::unique_ptr<port::Controller> controller_;
  Priority priority_;
  Watches watches_;
  std::vector<Letter> inbox_;
  std::vector<Letter> batch_;  // being delivered; kept for its memory
  port::Commands commands_;
  bool delivering_ = false;
  std::vector<Timer> timers_;
  std::unordered_map<std::uint64_t, std::uint32_t> timer_slots_;
  std::vector<port::CloudCall> calls_;  // under way, oldest first
};

ControllerHost::ControllerHost(Heap& heap, Store& store, Cloud* cloud, Telling& telling)
    : heap_(heap), store_(store), cloud_(cloud), telling_(telling) {
  store_.listen(*this);
}

ControllerHost::~ControllerHost() = default;

ControllerHost::Id ControllerHost::add(std::unique_ptr<port::Controller> controller,
                                       Priority priority, Watches watches) {
  slots_.push_back(std::make_unique<Slot>(*this, std::move(controller), priority, watches));
  for (model::Typed& object : store_.everything())
    if ((watches.kinds >> object.index() & 1) != 0)
      slots_.back()->deliver(event_of<port::ObjectChanged>(port::Change::Added, std::move(object)));
  return static_cast<Id>(slots_.size() - 1);
}

void ControllerHost::remove(Id id) {
  slots_[id]->stop();
}

void ControllerHost::notice(const port::InstanceNotice& notice) {
  for (const auto& slot : slots_)
    if (slot->alive() && slot->watches().notices)
      slot->deliver(event_of<port::InstanceNotice>(notice));
}

void ControllerHost::changed(port::Change change, const model::Typed& now, const model::Typed&) {
  std::shared_ptr<const port::Event> event;
  for (const auto& slot : slots_) {
    if (!slot->alive() || (slot->watches().kinds >> now.index() & 1) == 0) continue;
    if (event == nullptr) event = event_of<port::ObjectChanged>(change, now);
    slot->deliver(event);
  }
}

bool ControllerHost::at_rest() const {
  return busy_ == 0 && std::all_of(slots_.begin(), slots_.end(), [](const auto& slot) {
           return !slot->alive() || slot->controller().at_rest();
         });
}

void ControllerHost::execute(Slot& slot, port::Commands& commands) {
  for (port::Command& command : commands) execute_one(slot, command);
}

void ControllerHost::refused(const Slot& slot, std::string_view verb, const port::ObjectRef& about,
                             const std::string& why) {
  const std::string kind = to_lower(about.kind);
  const Subject subject{kind, about.namespace_, about.name};
  const port::Field fields[] = {{"reason", verb}, {"warning", std::int64_t{1}}};
  telling_.tell(port::RecordKind::Event, slot.name(), subject, fields, why);
}

void ControllerHost::execute_one(Slot& slot, port::Command& command) {
  std::visit(
      [&]<class Kind>(Kind& c) {
        if constexpr (std::is_same_v<Kind, port::Create>) {
          port::ObjectRef ref = ref_of(c.object);
          if (const auto made = store_.create(std::move(c.object)); !made)
            refused(slot, "FailedCreate", ref, made.error().message);
        } else if constexpr (std::is_same_v<Kind, port::Replace>) {
          // Gone or changed since: the controller will hear of it.
          static_cast<void>(store_.replace(std::move(c.object), c.if_current));
        } else if constexpr (std::is_same_v<Kind, port::Delete>) {
          remove(slot, c);
        } else if constexpr (std::is_same_v<Kind, port::BindPod>) {
          if (const auto bound = store_.bind(c.pod, c.node); !bound)
            refused(slot, "FailedBinding", c.pod, bound.error().message);
        } else if constexpr (std::is_same_v<Kind, port::MarkUnschedulable>) {
          static_cast<void>(store_.mark_unschedulable(c));
        } else if constexpr (std::is_same_v<Kind, port::SetPodCondition>) {
          static_cast<void>(store_.set_condition(c));
        } else if constexpr (std::is_same_v<Kind, port::PatchNode>) {
          static_cast<void>(store_.patch(c));
        } else if constexpr (std::is_same_v<Kind, port::Evict>) {
          evict(slot, c);
        } else if constexpr (std::is_same_v<Kind, port::CloudCall>) {
          slot.expect_answer(std::move(c));
        } else if constexpr (std::is_same_v<Kind, port::SetTimer>) {
          slot.set_timer(c);
        } else if constexpr (std::is_same_v<Kind, port::Publish>) {
          publish(slot, c);
        }
      },
      command);
}

void ControllerHost::publish(const Slot& slot, const port::Publish& what) {
  const std::string kind = to_lower(what.about.kind);
  std::vector<port::Field> fields;
  fields.reserve(what.fields.size() + 2);
  if (what.kind == port::RecordKind::Event) {
    fields.push_back({"reason", what.reason});
    fields.push_back({"warning", std::int64_t{what.warning ? 1 : 0}});
  }
  for (const port::OwnedField& field : what.fields)
    std::visit([&](const auto& value) { fields.push_back({field.key, value}); }, field.value);
  telling_.tell(what.kind, slot.name(), {kind, what.about.namespace_, what.about.name}, fields,
                what.message);
}

void ControllerHost::remove(Slot& slot, const port::Delete& command) {
  PodRef victim;
  if (slot.priority() == Priority::Scheduler && preempted_ && command.object.kind == "Pod")
    victim = store_.pod(command.object.namespace_, command.object.name);
  if (victim && !victim->metadata.deletionTimestamp) preempted_(victim, slot.name());
  // Gone already: the controller will hear of it.
  static_cast<void>(store_.remove_gracefully(command.object, command.grace));
}

void ControllerHost::evict(Slot& slot, const port::Evict& evict) {
  const PodRef pod = store_.pod(evict.pod.namespace_, evict.pod.name);
  EvictionAnswer answer{true, {}};  // gone already
  if (pod) answer = store_.evict(evict.pod, evict.grace);
  const bool leaves_anyway = pod && pod->metadata.deletionTimestamp;
  if (pod && !leaves_anyway && answer.evicted && evicted_) evicted_(pod, slot.name());
  slot.deliver(event_of<port::EvictAnswered>(evict.pod, answer.evicted, std::move(answer.message)));
}

}  // namespace gputide::sim
