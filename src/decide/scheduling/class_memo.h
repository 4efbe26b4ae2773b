// A yes or no per class of pods, worked out when first asked.
#pragma once

#include <cstdint>
#include <vector>

#include "state/pod_kinds.h"

namespace gputide::scheduling {

class ClassMemo {
 public:
  template <class Work>
  bool of(state::ClassId id, Work&& work) const {
    if (id >= known_.size()) known_.resize(id + 1, kUnknown);
    if (known_[id] == kUnknown) known_[id] = work() ? kYes : kNo;
    return known_[id] == kYes;
  }
  void clear() { known_.clear(); }

 private:
  enum : std::uint8_t { kUnknown, kNo, kYes };
  mutable std::vector<std::uint8_t> known_;
};

}  // namespace gputide::scheduling
