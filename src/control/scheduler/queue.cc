#include "control/scheduler/queue.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace gputide::control {
namespace {

constexpr Duration kFirstBackoff = Duration::seconds(1);
constexpr Duration kLongestBackoff = Duration::seconds(10);

Duration backoff_after(std::uint32_t attempts) {
  Duration backoff = kFirstBackoff;
  for (std::uint32_t i = 1; i < attempts && backoff < kLongestBackoff; ++i) backoff += backoff;
  return std::min(backoff, kLongestBackoff);
}

std::uint64_t key_of(const SchedulingQueue::Kind& kind) {
  return static_cast<std::uint64_t>(kind.spec) << 32 | kind.pod_class;
}

}  // namespace

SchedulingQueue::GroupId SchedulingQueue::group_of(const Kind& kind) {
  const auto [at, added] = group_ids_.try_emplace(key_of(kind));
  if (!added) return at->second;
  GroupId id = static_cast<GroupId>(groups_.size());
  if (free_groups_.empty()) {
    groups_.emplace_back();
  } else {
    id = free_groups_.back();
    free_groups_.pop_back();
  }
  at->second = id;
  groups_[id].kind = kind;
  return id;
}

void SchedulingQueue::drop_stale(std::deque<Item>& items) const {
  while (!items.empty() && pods_[items.front().pod].token != items.front().token) items.pop_front();
}

void SchedulingQueue::leave_state(GroupId id) {
  Group& group = groups_[id];
  switch (group.state) {
    case State::Ready:
      ready_.erase({-std::int64_t{group.kind.priority}, group.key, id});
      break;
    case State::Backoff:
      backoff_.erase({group.key, id});
      break;
    case State::Parked:
      count_parked(group.rejected_by, UINT32_MAX);  // one less
      groups_[parked_.back()].parked_at = group.parked_at;
      parked_[group.parked_at] = parked_.back();
      parked_.pop_back();
      break;
    case State::Empty:
      break;
  }
  group.state = State::Empty;
}

void SchedulingQueue::set_state(GroupId id, State state, Instant now) {
  leave_state(id);
  Group& group = groups_[id];
  group.state = state;
  if (state == State::Ready) {
    ready_.insert({-std::int64_t{group.kind.priority}, group.key, id});
  } else if (state == State::Backoff) {
    backoff_.insert({group.key, id});
  } else if (state == State::Parked) {
    group.parked_at = parked_.size();
    group.parked_since = now;
    parked_.push_back(id);
    count_parked(group.rejected_by, 1);
  }
}

// Ready as soon as its first pod may be tried.
void SchedulingQueue::settle(GroupId id, Instant now) {
  Group& group = groups_[id];
  drop_stale(group.fresh);
  drop_stale(group.waiting);
  if (!group.waiting.empty()) {
    const Pod& first = pods_[group.waiting.front().pod];
    group.key = first.ready_at <= now ? first.since : first.ready_at;
    if (first.ready_at <= now) return set_state(id, State::Ready, now);
    if (group.fresh.empty()) return set_state(id, State::Backoff, now);
  }
  if (!group.fresh.empty()) {
    leave_state(id);
    group.key = pods_[group.fresh.front().pod].since;
    return set_state(id, State::Ready, now);
  }
  leave_state(id);
  if (group.live > 0) return;
  group_ids_.erase(key_of(group.kind));
  group.rejected_by = 0;  // of the rest all is as in the beginning, or set before it is read
  group.tell_all = false;
  free_groups_.push_back(id);
}

void SchedulingQueue::unpark(GroupId id, Instant now) {
  leave_state(id);
  settle(id, now);
}

void SchedulingQueue::add(PodId pod, const Kind& kind, Instant now) {
  if (pod >= pods_.size()) pods_.resize(pod + 1);
  GPUTIDE_CHECK(!pods_[pod].queued);
  const GroupId id = group_of(kind);
  Pod& entry = pods_[pod];
  entry = {true, entry.token + 1, id, 0, now, now};
  Group& group = groups_[id];
  group.fresh.push_back({pod, entry.token});
  ++group.live;
  leave_state(id);
  settle(id, now);
}

void SchedulingQueue::remove(PodId pod) {
  if (!contains(pod)) return;
  Pod& entry = pods_[pod];
  entry.queued = false;
  ++entry.token;
  Group& group = groups_[entry.group];
  --group.live;
  if (group.live > 0) return;
  const Instant any;
  leave_state(entry.group);
  settle(entry.group, any);
}

std::optional<SchedulingQueue::PodId> SchedulingQueue::pop(Instant now) {
  while (!backoff_.empty() && backoff_.begin()->first <= now) {
    const GroupId id = backoff_.begin()->second;
    leave_state(id);
    settle(id, now);
  }
  while (!ready_.empty()) {
    const GroupId id = std::get<GroupId>(*ready_.begin());
    Group& group = groups_[id];
    drop_stale(group.fresh);
    drop_stale(group.waiting);
    for (std::deque<Item>* items : {&group.waiting, &group.fresh}) {
      if (items->empty() || pods_[items->front().pod].ready_at > now) continue;
      const PodId pod = items->front().pod;
      items->pop_front();
      return pod;
    }
    leave_state(id);
    settle(id, now);
  }
  return std::nullopt;
}

void SchedulingQueue::placed(PodId pod, Instant now) {
  const GroupId id = pods_[pod].group;
  remove(pod);
  if (groups_[id].live > 0 && groups_[id].state == State::Ready) {
    leave_state(id);
    settle(id, now);
  }
}

void SchedulingQueue::wait_again(Pod& pod, Instant now) {
  ++pod.attempts;
  pod.since = now;
  pod.ready_at = now + backoff_after(pod.attempts);
}

std::vector<SchedulingQueue::PodId> SchedulingQueue::failed(PodId pod,
                                                            scheduling::PluginSet rejected_by,
                                                            Instant now) {
  Group& group = groups_[pods_[pod].group];
  // One that waited before keeps its place: those behind it would have failed as well.
  if (pods_[pod].attempts > 0)
    group.waiting.push_front({pod, pods_[pod].token});
  else
    group.waiting.push_back({pod, pods_[pod].token});
  wait_again(pods_[pod], now);
  std::vector<PodId> tried;
  for (const Item& item : group.fresh) {
    if (pods_[item.pod].token != item.token) continue;
    wait_again(pods_[item.pod], now);
    group.waiting.push_back(item);
    tried.push_back(item.pod);
  }
  if (group.tell_all) {
    tried.clear();
    for (const Item& item : group.waiting)
      if (pods_[item.pod].token == item.token && item.pod != pod) tried.push_back(item.pod);
  }
  group.tell_all = false;
  group.fresh.clear();
  leave_state(pods_[pod].group);
  group.rejected_by = rejected_by;
  set_state(pods_[pod].group, State::Parked, now);
  return tried;
}

void SchedulingQueue::preempting(PodId pod, Instant now) {
  Group& group = groups_[pods_[pod].group];
  group.waiting.push_back({pod, pods_[pod].token});
  wait_again(pods_[pod], now);
  leave_state(pods_[pod].group);
  settle(pods_[pod].group, now);
}

void SchedulingQueue::wake_old(Instant since, Instant now) {
  for (std::size_t i = parked_.size(); i-- > 0;) {
    const GroupId id = parked_[i];
    if (groups_[id].parked_since > since) continue;
    groups_[id].tell_all = true;
    unpark(id, now);
  }
}

void SchedulingQueue::wait_on(PodId pod, Instant now) {
  Group& group = groups_[pods_[pod].group];
  group.waiting.push_front({pod, pods_[pod].token});
  set_state(pods_[pod].group, State::Parked, now);
}

void SchedulingQueue::count_parked(scheduling::PluginSet plugins, std::uint32_t step) {
  for (; plugins != 0; plugins &= plugins - 1)
    parked_by_[static_cast<std::size_t>(std::countr_zero(plugins))] += step;
}

bool SchedulingQueue::any_parked_by(scheduling::PluginSet plugins) const {
  for (; plugins != 0; plugins &= plugins - 1)
    if (parked_by_[static_cast<std::size_t>(std::countr_zero(plugins))] > 0) return true;
  return false;
}

std::optional<Instant> SchedulingQueue::next_moment() const {
  if (backoff_.empty()) return std::nullopt;
  return backoff_.begin()->first;
}

}  // namespace gputide::control
