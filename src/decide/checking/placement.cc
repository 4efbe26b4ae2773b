// Pods against node groups: selectors that no group satisfies, tolerations without a taint,
// taints without a toleration, labels of old.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/checking/checks.h"
#include "decide/scheduling/node_affinity.h"
#include "decide/scheduling/tolerations.h"

namespace gputide::checking {
namespace {

struct OldLabel {
  std::string_view old;
  std::string_view now;
};
constexpr OldLabel kOldLabels[] = {
    {"beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"},
    {"beta.kubernetes.io/arch", "kubernetes.io/arch"},
    {"beta.kubernetes.io/os", "kubernetes.io/os"},
    {"failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"},
    {"failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"},
};

void report_old_label(const Context& context, const Place& place, Span where, std::string_view key,
                      bool other_is_there) {
  for (const OldLabel& label : kOldLabels) {
    if (label.old != key) continue;
    context.findings.warning(
        place, where,
        {"deprecated-label", fmt::format("the label {} is deprecated since Kubernetes 1.17", key),
         fmt::format("write {}", label.now),
         other_is_there ? std::vector<Edit>() : one_edit(replace_text(where, label.now))});
  }
}

void check_old_labels(const Context& context, const PodView& pod) {
  const auto& selector = pod.spec->nodeSelector;
  for (const auto& [key, value] : selector) {
    const Place place = pod.place["nodeSelector"][key];
    const auto twin = std::find_if(std::begin(kOldLabels), std::end(kOldLabels),
                                   [&](const OldLabel& label) { return label.old == key; });
    const bool both = twin != std::end(kOldLabels) && selector.contains(std::string(twin->now));
    report_old_label(context, place, place.key(), key, both);
  }
  if (!pod.spec->affinity || !pod.spec->affinity->nodeAffinity) return;
  const auto& required =
      pod.spec->affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution;
  if (!required) return;
  const Place terms =
      pod.place["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
               ["nodeSelectorTerms"];
  for (std::size_t i = 0; i < required->nodeSelectorTerms.size(); ++i) {
    const auto& expressions = required->nodeSelectorTerms[i].matchExpressions;
    for (std::size_t j = 0; j < expressions.size(); ++j) {
      const Place place = terms[i]["matchExpressions"][j]["key"];
      report_old_label(context, place, place.where(), expressions[j].key, false);
    }
  }
}

// Labels that come to nodes later: from GPU Feature Discovery, the node itself, or by hand.
bool comes_later(std::string_view key) {
  return key.starts_with("nvidia.com/") || key.starts_with("feature.node.kubernetes.io/");
}

// A label that the pod wants and that no group gives; reported, and true, if there is one.
bool report_missing_label(const Context& context, const PodView& pod) {
  bool reported = false;
  for (const auto& [key, value] : pod.spec->nodeSelector) {
    bool found = false;
    std::string other;
    for (const GroupView& group : context.world.groups) {
      for (const model::StringMap& labels : group.nodes) {
        const auto label = labels.find(key);
        if (label == labels.end()) continue;
        found = found || label->second == value;
        other = label->second;
      }
    }
    if (found) continue;
    reported = true;
    const Place place = pod.place["nodeSelector"][key];
    std::string remedy = fmt::format("add the label to a node group: {}: \"{}\"", key, value);
    if (!other.empty()) remedy += fmt::format(", or select {}", quote(other));
    std::string why =
        comes_later(key)
            ? " (a node may get it once it runs, from GPU Feature Discovery or by hand; "
              "no group grows from zero for it)"
            : ": it stays pending";
    context.findings.warning(
        place, place.key(),
        {"selector-without-group",
         fmt::format("{} selects nodes with {}={}, and no node group gives that label{}",
                     pod.name(), key, value, why),
         remedy});
  }
  return reported;
}

// Groups whose nodes the pod selects.
std::vector<const GroupView*> selected_groups(const Context& context, const PodView& pod) {
  std::vector<const GroupView*> selected;
  const scheduling::RequiredNodeAffinity wanted(*pod.spec);
  for (const GroupView& group : context.world.groups)
    if (std::any_of(group.nodes.begin(), group.nodes.end(),
                    [&](const auto& labels) { return wanted.matches(labels, {}); }))
      selected.push_back(&group);
  return selected;
}

void check_repelled(const Context& context, const PodView& pod,
                    const std::vector<const GroupView*>& selected) {
  std::vector<const GroupView*> fitting;
  for (const GroupView* group : selected)
    if (!wants_gpu(pod) || group->has_nvidia()) fitting.push_back(group);
  if (fitting.empty()) {
    if (wants_gpu(pod) && !selected.empty())
      context.findings.warning(
          pod.place, pod.place.key(),
          {"gpu-pod-without-group",
           fmt::format(
               "{} asks for GPUs, and no node group that it may use has any: it stays pending",
               pod.name()),
           "add a node group with GPUs, or loosen its node selector"});
    return;
  }
  const model::PodSpec admitted = admitted_spec(pod);
  for (const GroupView* group : fitting)
    if (tolerates(admitted, group->plan.bootstrap.taints)) return;
  const GroupView& group = *fitting.front();
  for (const model::Taint& taint : group.plan.bootstrap.taints) {
    const model::Taint one[] = {taint};
    if (tolerates(admitted, one)) continue;
    const Place list = pod.place["tolerations"];
    context.findings.warning(
        list.exists() ? list : pod.place, list.exists() ? list.key() : pod.place.key(),
        {"taint-not-tolerated",
         fmt::format("{} does not tolerate the taint {}={}:{} of node group {}, and no other group "
                     "fits: it stays pending",
                     pod.name(), taint.key, taint.value, taint.effect, group.written->name),
         fmt::format("add the toleration key: {}, operator: Exists", taint.key)});
    return;
  }
}

bool is_common_toleration(std::string_view key) {
  return key.empty() || key == "CriticalAddonsOnly" || key.starts_with("node.kubernetes.io/") ||
         key.starts_with("node-role.kubernetes.io/") || key.starts_with("karpenter.sh/") ||
         key.starts_with("node.cloudprovider.kubernetes.io/");
}

void check_idle_tolerations(const Context& context, const PodView& pod) {
  const auto& tolerations = pod.spec->tolerations;
  for (std::size_t i = 0; i < tolerations.size(); ++i) {
    if (is_common_toleration(tolerations[i].key)) continue;
    bool matched = false;
    std::string near;
    for (const GroupView& group : context.world.groups) {
      for (const model::Taint& taint : group.plan.bootstrap.taints) {
        matched = matched || scheduling::tolerates(tolerations[i], taint);
        if (taint.key == tolerations[i].key)
          near = fmt::format("{}={}:{}", taint.key, taint.value, taint.effect);
      }
    }
    if (matched) continue;
    context.findings.warning(
        pod.place["tolerations"][i],
        {"toleration-without-taint",
         near.empty()
             ? fmt::format("no node group has a taint {}: the toleration does nothing, and no "
                           "harm",
                           tolerations[i].key)
             : fmt::format("the toleration does not match the taint {}", near),
         near.empty() ? "" : "PreferNoSchedule taints need none; for others make them equal"});
  }
}

}  // namespace

void check_placement(const Context& context) {
  for (const PodView& pod : context.world.pods) {
    check_old_labels(context, pod);
    const bool groups_decide = !context.world.groups.empty() && !context.world.has_node_pools;
    if (!groups_decide || pod.is_daemon()) continue;
    if (!report_missing_label(context, pod))
      check_repelled(context, pod, selected_groups(context, pod));
    check_idle_tolerations(context, pod);
  }
}

}  // namespace gputide::checking
