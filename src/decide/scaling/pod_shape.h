// Pods that any scheduler must treat alike: equal labels and equal specs. Source: Cluster
// Autoscaler 1.31.5 utils (PodSpecSemanticallyEqual), core/scaleup/equivalence.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "decide/scaling/node_template.h"

namespace gputide::scaling {

/// Appends a text that is equal for two specs exactly when they are semantically equal: 1 CPU is
/// 1000m, an absent list is an empty one. Left out is what differs from pod to pod of one
/// controller: host name, environment, and projected volumes with their mounts.
void append_spec_text(const model::PodSpec& spec, std::string& out);

/// Numbers shapes as they come. A shape is the namespace, the labels and the spec of a pod.
class PodShapes {
 public:
  using Id = std::uint32_t;
  /// Specs that share one value are compared by its address, so that the many pods of a controller
  /// cost one comparison of labels each.
  Id of(const model::Pod& pod);
  std::size_t count() const { return ids_.size(); }
  /// Forgets all; numbers start anew.
  void clear();

 private:
  std::uint32_t spec_id(const model::Pod& pod);

  boost::unordered_flat_map<const void*, std::uint32_t> by_address_;
  std::vector<model::Shared<model::PodSpec>> held_;  // keeps the addresses above taken
  boost::unordered_flat_map<std::string, std::uint32_t> specs_;
  boost::unordered_flat_map<std::string, Id> ids_;
  std::string scratch_;
  struct Last {
    std::uint32_t spec;
    std::string namespace_;
    model::StringMap labels;
    Id id;
  };
  std::optional<Last> last_;  // that was asked for: siblings come in a row
};

/// So many shapes of one controller are told apart; later ones are taken for strangers.
inline constexpr std::size_t kMaxShapesOfController = 10;

/// Pods of one controller and shape: what holds for the first holds for all.
struct PodGroup {
  std::vector<PodRef> pods;  // never empty; the first stands for all
  PodShapes::Id shape = 0;
};

/// Equivalence groups in the order of their first pods. Pods without a controller and those of
/// DaemonSets stand alone, and so do those of a controller's eleventh shape and later.
std::vector<PodGroup> group_pods(std::span<const PodRef> pods, PodShapes& shapes);

}  // namespace gputide::scaling
