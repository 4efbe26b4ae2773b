// Runs controllers in virtual time: brings them the changes that they watch, their timers and the
// cloud's answers, and does what they command.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "port/controller.h"
#include "sim/cloud.h"
#include "sim/heap.h"
#include "sim/store.h"
#include "sim/telling.h"

namespace gputide::sim {

/// What a controller is told of, besides its timers and answers.
struct Watches {
  /// Which kinds, as bits at their index in model::Typed; all by default.
  std::uint64_t kinds = ~std::uint64_t{0};
  /// EventBridge's notices about instances.
  bool notices = false;

  template <class... Kinds>
  static constexpr std::uint64_t of() {
    return ((std::uint64_t{1} << index<Kinds>()) | ...);
  }
  template <class Kind>
  static constexpr std::size_t index() {
    return index_in<Kind>(static_cast<model::Typed*>(nullptr));
  }

 private:
  template <class Kind, class... All>
  static constexpr std::size_t index_in(const std::variant<All...>*) {
    std::size_t at = 0;
    const bool same[] = {std::is_same_v<All, Ref<Kind>>...};
    while (!same[at]) ++at;
    return at;
  }
};

class ControllerHost final : public StoreListener {
 public:
  using Id = std::uint32_t;

  /// `cloud` may be nullptr: then every call is answered with an error.
  ControllerHost(Heap& heap, Store& store, Cloud* cloud, Telling& telling);
  ~ControllerHost() override;

  /// Starts a controller: it is told of all objects that exist as if they were just added.
  Id add(std::unique_ptr<port::Controller> controller, Priority priority, Watches watches);
  /// Stops it; what it asked for and did not get is dropped.
  void remove(Id id);
  void notice(const port::InstanceNotice& notice);

  /// Nothing is on its way to a controller, and none waits for a moment at which it may act.
  bool at_rest() const;

  /// Told when a controller evicted a pod, and when the scheduler deletes one to make room.
  using PodHook = std::function<void(const PodRef& pod, std::string_view by)>;
  void on_evicted(PodHook hook) { evicted_ = std::move(hook); }
  void on_preempted(PodHook hook) { preempted_ = std::move(hook); }

  void changed(port::Change change, const model::Typed& now, const model::Typed& before) override;

 private:
  class Slot;
  void execute(Slot& slot, port::Commands& commands);
  void execute_one(Slot& slot, port::Command& command);
  void call(Slot& slot, port::CloudCall& call);
  void publish(const Slot& slot, const port::Publish& what);
  void remove(Slot& slot, const port::Delete& command);
  void evict(Slot& slot, const port::Evict& evict);
  void refused(const Slot& slot, std::string_view verb, const port::ObjectRef& about,
               const std::string& why);

  Heap& heap_;
  Store& store_;
  Cloud* cloud_;
  Telling& telling_;
  PodHook evicted_;
  PodHook preempted_;
  std::vector<std::unique_ptr<Slot>> slots_;  // by id; removed ones stay, without a controller
  std::uint32_t busy_ = 0;                    // deliveries and cloud calls that are under way
};

}  // namespace gputide::sim
