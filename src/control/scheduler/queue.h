// The scheduling queue: which pod is tried next, and which ones wait for what. Pods that are
// treated alike wait together: what keeps one of them waiting keeps all. Source:
// kube-scheduler 1.31 internal/queue (order, backoff); see README.md for what differs.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "base/time.h"
#include "decide/scheduling/schedule.h"

namespace gputide::control {

class SchedulingQueue {
 public:
  using PodId = std::uint32_t;
  using GroupId = std::uint32_t;

  /// Pods of one spec and class. Equal specs have equal priorities.
  struct Kind {
    state::SpecId spec = 0;
    state::ClassId pod_class = 0;
    std::int32_t priority = 0;
  };

  /// Puts a pod in that was not tried yet, or that changed.
  void add(PodId pod, const Kind& kind, Instant now);
  void remove(PodId pod);
  bool contains(PodId pod) const { return pod < pods_.size() && pods_[pod].queued; }

  /// Takes out the most important pod that may be tried now, of equally important ones the one that
  /// has waited longest. To be followed by placed() or failed().
  std::optional<PodId> pop(Instant now);
  void placed(PodId pod, Instant now);
  /// The pod waits again, and with it its whole group, until something happens that may help. The
  /// answer are those of the group that are to be told: that were not tried yet and now count as
  /// tried, or all after wake_old().
  std::vector<PodId> failed(PodId pod, scheduling::PluginSet rejected_by, Instant now);
  /// The pod waits until its victims are gone; others of its group may be tried.
  void preempting(PodId pod, Instant now);

  /// Asks of each group that waits whether it may be tried again.
  template <class MayFit>
  void wake(Instant now, MayFit&& may_fit) {
    for (std::size_t i = parked_.size(); i-- > 0;) {
      const GroupId id = parked_[i];
      if (may_fit(groups_[id].kind, groups_[id].rejected_by)) unpark(id, now);
    }
  }
  /// Lets groups that have waited since before `since` be tried again.
  void wake_old(Instant since, Instant now);

  /// When a pod that may be tried stops being held back.
  std::optional<Instant> next_moment() const;
  bool any_parked() const { return !parked_.empty(); }
  /// A group waits that one of these plugins rejected.
  bool any_parked_by(scheduling::PluginSet plugins) const;

  const Kind& kind(PodId pod) const { return groups_[pods_[pod].group].kind; }
  /// The popped pod was tried before, and so were all others like it: none needs to be told
  /// anything now.
  bool may_wait_on(PodId pod) const {
    const Group& group = groups_[pods_[pod].group];
    return pods_[pod].attempts > 0 && !group.tell_all && group.fresh.empty();
  }
  /// The pod was not tried after all; its group goes on waiting.
  void wait_on(PodId pod, Instant now);

 private:
  enum class State : std::uint8_t { Empty, Ready, Backoff, Parked };
  struct Item {
    PodId pod = 0;
    std::uint32_t token = 0;
  };
  struct Group {
    Kind kind;
    State state = State::Empty;
    std::deque<Item> fresh;    // not tried yet
    std::deque<Item> waiting;  // tried, in the order of their last attempts
    std::size_t live = 0;      // pods of both, and the one that was popped
    scheduling::PluginSet rejected_by = 0;
    std::size_t parked_at = 0;  // index in parked_
    Instant parked_since;
    Instant key;  // in ready_ or backoff_
    bool tell_all = false;
  };
  struct Pod {
    bool queued = false;
    std::uint32_t token = 0;
    GroupId group = 0;
    std::uint32_t attempts = 0;
    Instant since;     // of being queued, or of the last attempt
    Instant ready_at;  // held back until then
  };
  using ReadyKey = std::tuple<std::int64_t, Instant, GroupId>;

  GroupId group_of(const Kind& kind);
  void drop_stale(std::deque<Item>& items) const;
  void set_state(GroupId id, State state, Instant now);
  void leave_state(GroupId id);
  void settle(GroupId id, Instant now);
  void unpark(GroupId id, Instant now);
  void wait_again(Pod& pod, Instant now);
  void count_parked(scheduling::PluginSet plugins, std::uint32_t step);

  std::vector<Pod> pods_;
  std::vector<Group> groups_;
  std::vector<GroupId> free_groups_;
  boost::unordered_flat_map<std::uint64_t, GroupId> group_ids_;
  std::set<ReadyKey> ready_;
  std::set<std::pair<Instant, GroupId>> backoff_;
  std::vector<GroupId> parked_;
  std::array<std::uint32_t, 32> parked_by_{};  // groups, by the plugins that rejected them
};

}  // namespace gputide::control
