// Owners of pods that must be looked at again at a certain time, though nothing happens to them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/workloads/desk.h"

namespace gputide::workloads {

class Alarms {
 public:
  /// One for each owner; nullopt: none any more.
  void set(const std::string& uid, std::optional<Instant> at, Desk& desk) {
    const auto known = at_.find(uid);
    if (known == at_.end() ? !at : at == known->second) return;
    if (known != at_.end()) {
      order_.erase({known->second, uid});
      at_.erase(known);
    }
    if (at) {
      at_.emplace(uid, *at);
      order_.emplace(*at, uid);
    }
    arm(desk);
  }

  /// The owners whose time has come, in its order.
  std::vector<std::string> due(Desk& desk) {
    std::vector<std::string> uids;
    armed_.reset();
    while (!order_.empty() && order_.begin()->first <= desk.now()) {
      uids.push_back(order_.begin()->second);
      at_.erase(uids.back());
      order_.erase(order_.begin());
    }
    arm(desk);
    return uids;
  }

 private:
  void arm(Desk& desk) {
    if (order_.empty()) {
      if (armed_) desk.disarm(Part::Alarms, 0);
      armed_.reset();
    } else if (armed_ != order_.begin()->first) {
      armed_ = order_.begin()->first;
      desk.arm(Part::Alarms, 0, *armed_);
    }
  }

  std::map<std::string, Instant> at_;
  std::set<std::pair<Instant, std::string>> order_;
  std::optional<Instant> armed_;
};

}  // namespace gputide::workloads
