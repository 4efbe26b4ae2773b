// What files say of a cluster as it is (`kubectl get nodes,pods -A -o yaml`): its nodes, and the
// pods that workloads have made already.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "app/input.h"
#include "decide/provisioning/existing_nodes.h"
#include "model/pod.h"

namespace gputide::app {

/// The node group, managed or not, of a node with these labels; "" = none.
std::string node_group_of(const model::StringMap& labels);

/// What a table calls a pod's kind: its workload ("web" of web-7f9c4-x2x), or the pod itself.
std::string workload_name(const model::Pod& pod);

class LiveObjects {
 public:
  explicit LiveObjects(const Input& input);

  const provisioning::ExistingNodes& nodes() const { return nodes_; }
  /// How many of them, those that leave too, are of the node group.
  std::int64_t nodes_of_group(const std::string& group) const;
  /// Whether pods on the node run on something that stays.
  bool stays(const std::string& node) const { return names_.contains(node); }
  bool leaves(const std::string& node) const { return nodes_.leaving.contains(node); }

  /// Pods of a workload that are among the files: those that have not ended, wherever they are, and
  /// those that have succeeded.
  std::int64_t made(std::string_view kind, const model::ObjectMeta& workload) const;
  std::int64_t succeeded(std::string_view kind, const model::ObjectMeta& workload) const;
  /// Whether another workload among the files has made this one: that says how many pods there are.
  bool has_maker(const model::ObjectMeta& workload) const;

 private:
  using Key = std::tuple<std::string, std::string, std::string>;  // kind, namespace, name
  void count(const model::Pod& pod);

  provisioning::ExistingNodes nodes_;
  std::set<std::string> names_;
  std::map<std::string, std::int64_t> of_group_;
  std::map<Key, std::int64_t> made_, succeeded_;
  std::set<Key> workloads_;
};

}  // namespace gputide::app
