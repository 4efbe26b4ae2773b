#include "decide/scaling/balancing.h"

#include <algorithm>

#include "base/go_sort.h"

namespace gputide::scaling {

std::vector<ScaleUp> balance(std::span<const GroupSize> groups, std::int64_t new_nodes) {
  std::vector<ScaleUp> plans;
  std::int64_t room = 0;
  for (const GroupSize& group : groups) {
    if (group.current == group.max) continue;
    room += std::max<std::int64_t>(0, group.max - group.current);
    plans.push_back({group.id, group.current, group.current, group.max});
  }
  new_nodes = std::min(new_nodes, room);
  go_sort(plans, [](const ScaleUp& a, const ScaleUp& b) { return a.current < b.current; });
  std::size_t first_open = 0;
  std::size_t at = 0;
  while (new_nodes > 0) {
    if (plans[at].target < plans[at].max) {
      ++plans[at].target;
      --new_nodes;
    } else {
      std::swap(plans[first_open], plans[at]);
      ++first_open;
    }
    // Onwards while this group is now larger than the next; `at` may hold a full group after the
    // exchange.
    const bool ahead = at + 1 < plans.size() && plans[at].target > plans[at + 1].target;
    at = ahead ? at + 1 : first_open;
  }
  std::erase_if(plans, [](const ScaleUp& plan) { return plan.target == plan.current; });
  return plans;
}

}  // namespace gputide::scaling
