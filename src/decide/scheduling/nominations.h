// Pods that were promised a node once their victims are gone.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "state/cluster.h"

namespace gputide::scheduling {

class Nominations {
 public:
  /// Promises `node` to the pod instead of what it was promised before.
  void set(const state::PodRef& pod, const std::string& node) {
    remove(*pod);
    nodes_[key(*pod)] = node;
    pods_[node].push_back(pod);
    ++version_;
  }
  void remove(const model::Pod& pod) {
    const auto at = nodes_.find(key(pod));
    if (at == nodes_.end()) return;
    std::vector<state::PodRef>& pods = pods_[at->second];
    std::erase_if(pods, [&](const auto& other) { return key(*other) == at->first; });
    if (pods.empty()) pods_.erase(at->second);
    nodes_.erase(at);
    ++version_;
  }
  bool empty() const { return nodes_.empty(); }
  const std::vector<state::PodRef>& on(const std::string& node) const {
    static const std::vector<state::PodRef> kNone;
    const auto at = pods_.find(node);
    return at == pods_.end() ? kNone : at->second;
  }
  /// "" when the pod was promised none.
  std::string node_of(const model::Pod& pod) const {
    const auto at = nodes_.find(key(pod));
    return at == nodes_.end() ? std::string() : at->second;
  }
  std::uint64_t version() const { return version_; }

 private:
  static std::string key(const model::Pod& pod) {
    return pod.metadata.namespace_ + "/" + pod.metadata.name;
  }
  std::map<std::string, std::string> nodes_;                // by pod
  std::map<std::string, std::vector<state::PodRef>> pods_;  // by node
  std::uint64_t version_ = 0;
};

}  // namespace gputide::scheduling
