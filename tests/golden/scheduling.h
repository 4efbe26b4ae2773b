// What the checkers of kube-scheduler's files share.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "decide/scheduling/status.h"
#include "state/cluster.h"
#include "tests/golden/golden.h"

namespace gputide::golden {

inline Value without_type(const Value& object) {
  Value body = object;
  if (body.is_map())
    std::erase_if(body.as_map(),
                  [](const model::Member& m) { return m.key == "apiVersion" || m.key == "kind"; });
  return body;
}

template <class Kind>
void store_all(const Value* list, std::string_view kind, state::Store<Kind>& store) {
  if (list == nullptr || !list->is_list()) return;
  for (const Value& item : list->as_list())
    if (kind.empty() || item.text_at("kind") == kind)
      store.set(std::make_shared<const Kind>(read<Kind>(without_type(item))));
}

/// Nodes and pods of a case, as they stand before the pod in question comes.
inline void fill(const Value& golden_case, state::Cluster& cluster) {
  for (model::Node& node : read_all<model::Node>(golden_case.find("nodes")))
    cluster.add_node(std::make_shared<const model::Node>(std::move(node)));
  for (model::Pod& pod : read_all<model::Pod>(golden_case.find("pods"))) {
    const state::NodeId node = cluster.find(pod.spec->nodeName);
    if (node != state::kNoNode)
      cluster.add_pod(std::make_shared<const model::Pod>(std::move(pod)), node);
  }
  state::Objects& objects = cluster.objects();
  store_all(golden_case.find("namespaces"), "", objects.namespaces);
  store_all(golden_case.find("services"), "", objects.services);
  store_all(golden_case.find("replicaSets"), "", objects.replica_sets);
  const Value* storage = golden_case.find("storageObjects");
  objects.knows_storage = storage != nullptr;
  store_all(storage, "StorageClass", objects.storage_classes);
  store_all(storage, "PersistentVolume", objects.volumes);
  store_all(storage, "PersistentVolumeClaim", objects.claims);
  store_all(storage, "CSINode", objects.csi_nodes);
}

inline Value sorted_list(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  Value::List list;
  for (std::string& text : texts) list.emplace_back(std::move(text));
  return list;
}

inline std::string code_name(scheduling::Code code) {
  switch (code) {
    case scheduling::Code::Success:
      return "Success";
    case scheduling::Code::Unschedulable:
      return "Unschedulable";
    case scheduling::Code::UnschedulableAndUnresolvable:
      break;
  }
  return "UnschedulableAndUnresolvable";
}

}  // namespace gputide::golden
