#include "decide/provisioning/volume_topology.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "model/labels.h"

namespace gputide::provisioning {
namespace {

using Pod = model::Pod;
using Terms = std::vector<model::NodeSelectorTerm>;  // one of them must hold

constexpr std::string_view kEbsZone = "topology.ebs.csi.aws.com/zone";
using labels::kHostnameLabel;
using labels::kZone;

// Nodes that do not exist yet have no label of the EBS driver, and no name.
model::NodeSelectorTerm for_new_nodes(model::NodeSelectorTerm term) {
  for (auto& each : term.matchExpressions)
    if (each.key == kEbsZone) each.key = kZone;
  std::erase_if(term.matchExpressions, [](const auto& each) { return each.key == kHostnameLabel; });
  return term;
}

Terms terms_of(const model::PersistentVolume& volume) {
  Terms terms;
  if (!volume.spec.nodeAffinity || !volume.spec.nodeAffinity->required) return terms;
  for (const auto& term : volume.spec.nodeAffinity->required->nodeSelectorTerms)
    terms.push_back(for_new_nodes(term));
  return terms;
}

Terms terms_of(const model::StorageClass& storage_class) {
  Terms terms;
  for (const model::TopologySelectorTerm& allowed : storage_class.allowedTopologies) {
    model::NodeSelectorTerm term;
    for (const auto& each : allowed.matchLabelExpressions)
      term.matchExpressions.push_back({each.key, "In", each.values});
    terms.push_back(for_new_nodes(std::move(term)));
  }
  return terms;
}

Result<Terms> terms_of(const std::string& name_space, const std::string& name,
                       const state::Storage& storage) {
  const auto* claim = storage.claims.find(name_space, name);
  if (claim == nullptr)
    return fail(fmt::format("there is no PersistentVolumeClaim {}; create it", name));
  if (!claim->spec.volumeName.empty()) {
    const auto* volume = storage.volumes.find("", claim->spec.volumeName);
    if (volume == nullptr)
      return fail(fmt::format("PersistentVolumeClaim {} names the volume {}, which is not there",
                              name, claim->spec.volumeName));
    return terms_of(*volume);
  }
  const std::string class_name = claim->spec.storageClassName.value_or("");
  const auto* storage_class = storage.storage_classes.find("", class_name);
  if (storage_class == nullptr)
    return fail(fmt::format(
        "PersistentVolumeClaim {} is bound to no volume, and there is no StorageClass \"{}\"", name,
        class_name));
  if (storage_class->volumeBindingMode != "WaitForFirstConsumer")
    return fail(fmt::format(
        "PersistentVolumeClaim {} is bound to no volume yet; its StorageClass {} binds at once, "
        "WaitForFirstConsumer would wait for the pod's node",
        name, class_name));
  return terms_of(*storage_class);
}

// One of each.
Terms both(const Terms& a, const Terms& b) {
  Terms out;
  for (const auto& x : a)
    for (const auto& y : b) {
      out.push_back(x);
      auto& expressions = out.back().matchExpressions;
      expressions.insert(expressions.end(), y.matchExpressions.begin(), y.matchExpressions.end());
      auto& fields = out.back().matchFields;
      fields.insert(fields.end(), y.matchFields.begin(), y.matchFields.end());
    }
  return out;
}

void require(const Terms& terms, model::PodSpec& spec) {
  if (!spec.affinity) spec.affinity.emplace();
  if (!spec.affinity->nodeAffinity) spec.affinity->nodeAffinity.emplace();
  auto& required = spec.affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution;
  if (required)
    required->nodeSelectorTerms = both(required->nodeSelectorTerms, terms);
  else
    required.emplace().nodeSelectorTerms = terms;
}

}  // namespace

Result<std::shared_ptr<const Pod>> with_volume_topology(const std::shared_ptr<const Pod>& pod,
                                                        const state::Storage& storage) {
  std::shared_ptr<Pod> bound;
  for (const model::Volume& volume : pod->spec->volumes) {
    if (!volume.persistentVolumeClaim) continue;
    Result<Terms> terms =
        terms_of(pod->metadata.namespace_, volume.persistentVolumeClaim->claimName, storage);
    if (!terms) return tl::unexpected(terms.error());
    if (terms->empty()) continue;
    if (bound == nullptr) bound = std::make_shared<Pod>(*pod);
    require(*terms, bound->spec.edit());
  }
  if (bound == nullptr) return pod;
  return std::shared_ptr<const Pod>(std::move(bound));
}

}  // namespace gputide::provisioning
