// What else keeps pods off a node: taints that they do not tolerate, host ports that are taken.
// Semantics and texts are Karpenter's.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/pod.h"

namespace gputide::provisioning {

/// "key=value:Effect", "key:Effect" without a value.
std::string text(const model::Taint& taint);

/// One sentence for each taint (of every effect, PreferNoSchedule too) that no toleration covers;
/// empty = the pod may run there.
std::vector<std::string> untolerated(std::span<const model::Taint> taints,
                                     std::span<const model::Toleration> tolerations);

/// `taints`, then those of `with` whose key and effect are not there yet.
std::vector<model::Taint> merge_taints(std::span<const model::Taint> taints,
                                       std::span<const model::Taint> with);

/// A port of the machine that a container takes.
struct HostPort {
  std::string ip;  // "" was read as 0.0.0.0; that and :: mean every address
  std::int32_t port = 0;
  std::string protocol;
  bool conflicts(const HostPort& other) const;
};

std::vector<HostPort> host_ports(const model::PodSpec& pod);

/// The host ports taken on one node.
class HostPortUsage {
 public:
  /// Why the pod's ports cannot be taken, or "". Ports of the pod itself do not count.
  std::string conflict(const std::string& pod, std::span<const HostPort> ports) const;
  void add(const std::string& pod, std::vector<HostPort> ports);

 private:
  std::vector<std::pair<std::string, std::vector<HostPort>>> taken_;
};

}  // namespace gputide::provisioning
