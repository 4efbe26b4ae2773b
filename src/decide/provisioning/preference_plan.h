// Plans with preferences: what they get for nothing, and what the rest would cost.
#pragma once

#include <optional>
#include <vector>

#include "decide/provisioning/preferences.h"

namespace gputide::provisioning {

/// One preference, over all pods that state it.
struct PreferenceCount {
  std::int64_t weight = 0;
  std::int64_t pods = 0;
  std::int64_t honoured = 0;
  /// If that is not all of them, and `tried`: honouring it for `at_most` pods, and what is honoured
  /// in full already, costs so much more. None could for more pods.
  bool tried = false;
  std::int64_t at_most = 0;
  Money dearer;
};

struct PreferencePlan {
  PackPlan plan;  // of the same pods as the one given, for no more money
  std::vector<PreferenceCount> preferences;
  std::optional<Money> all;  // the price of honouring all that can be
};

/// `plan` is one of `problem`; the pods that it does not place are left out.
PreferencePlan with_preferences(const WishProblem& problem, const PackPlan& plan,
                                const PackEffort& effort);

}  // namespace gputide::provisioning
