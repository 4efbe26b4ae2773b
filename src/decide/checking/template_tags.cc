// What Cluster Autoscaler can know of a group that has no node: its tags. Groups that EKS manages
// are asked about instead, so this is about self-managed ones.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/checking/checks.h"
#include "decide/scaling/asg_tags.h"
#include "decide/scheduling/node_affinity.h"

namespace gputide::checking {
namespace {

std::string tag_key(std::string_view kind, std::string_view key) {
  return fmt::format("{}{}/{}", scaling::kNodeTemplateTag, kind, key);
}

std::string taint_text(const model::Taint& taint) {
  return fmt::format("{}:{}", taint.value, taint.effect);
}

bool is_on_taint(const model::Taint& taint, std::string_view key) {
  return taint.key == key;
}

// What a tag without an effect was meant to say, where the group's own taints leave no doubt: the
// same key, or "KEY=VALUE" of one of them in the tag's value.
const model::Taint* meant_taint(const GroupView& group, std::string_view key,
                                std::string_view value) {
  const model::Taint* found = nullptr;
  for (const model::Taint& taint : group.written->taints.list) {
    if (!is_on_taint(taint, key) && value != taint.key + "=" + taint.value) continue;
    if (found != nullptr) return nullptr;
    found = &taint;
  }
  return found;
}

std::vector<Edit> mend_taint_tag(const GroupView& group, const Place& tag,
                                 const model::Taint* meant, const std::string& written_key) {
  if (meant == nullptr || tag.get() == nullptr) return {};
  const std::string key = tag_key("taint", meant->key);
  if (key != written_key && group.written->tags.contains(key)) return {};
  std::vector<Edit> edits;
  if (key != written_key) {
    const auto edit = replace_text(tag.key(), key);
    if (!edit) return {};
    edits.push_back(*edit);
  }
  if (tag.where().end <= tag.where().begin) return {};
  edits.push_back({tag.where(), quote(taint_text(*meant))});
  return edits;
}

void check_taint_tag(const Context& context, const GroupView& group, const std::string& key,
                     const std::string& value) {
  const std::string mark = tag_key("taint", "");
  const std::size_t at = key.find(mark);
  if (at == std::string::npos) return;
  const std::string taint_key = key.substr(at + mark.size());
  const Place place = group.place["tags"][key];
  const std::string problem = scaling::taint_tag_problem(value);
  if (!problem.empty()) {
    const model::Taint* meant = meant_taint(group, taint_key, value);
    context.findings.warning(
        place,
        {"taint-tag-without-effect",
         fmt::format("the tag for taint {} {}: Cluster Autoscaler takes an empty group for one "
                     "without the taint",
                     taint_key, problem),
         meant == nullptr
             ? fmt::format("write {}: \"VALUE:NoSchedule\"", key)
             : fmt::format("write {}: \"{}\"", tag_key("taint", meant->key), taint_text(*meant)),
         mend_taint_tag(group, place, meant, key)});
    return;
  }
  const auto& taints = group.written->taints.list;
  const bool real = std::any_of(taints.begin(), taints.end(), [&](const model::Taint& taint) {
    return is_on_taint(taint, taint_key) && taint_text(taint) == value;
  });
  if (!real)
    context.findings.warning(
        place,
        {"template-tag-differs",
         fmt::format("the tag says that nodes have the taint {}={}, and no taint of node group "
                     "{} says so",
                     taint_key, value, group.written->name),
         "make the tag and the taint equal"});
}

void check_label_tag(const Context& context, const GroupView& group, const std::string& key,
                     const std::string& value) {
  const std::string mark = tag_key("label", "");
  const std::size_t at = key.find(mark);
  if (at == std::string::npos) return;
  const std::string label = key.substr(at + mark.size());
  const auto real = group.plan.bootstrap.labels.find(label);
  const bool known = real != group.plan.bootstrap.labels.end();
  if (known && real->second == value) return;
  const Place place = group.place["tags"][key];
  context.findings.warning(
      place,
      {"template-tag-differs",
       known ? fmt::format(
                   "the tag says that nodes have the label {}={}, and node group {} gives them "
                   "{}",
                   label, value, group.written->name, real->second)
             : fmt::format("the tag says that nodes have the label {}={}, and node group {} gives "
                           "them none: pods may be promised a node that does not take them",
                           label, value, group.written->name),
       "make the tag and the label equal"});
}

void check_option_tag(const Context& context, const GroupView& group, const std::string& key,
                      const std::string& value) {
  std::vector<std::string> ignored;
  scaling::group_options_from_tags({{key, value}}, {}, &ignored);
  if (ignored.empty()) return;
  context.findings.warning(
      group.place["tags"][key],
      {"option-tag-ignored", fmt::format("Cluster Autoscaler ignores {}: \"{}\"", key, value),
       "use scaledownutilizationthreshold or scaledowngpuutilizationthreshold (a number), "
       "scaledownunneededtime or scaledownunreadytime (10m), or ignoredaemonsetsutilization"});
}

// Labels that the pod's selectors name.
std::vector<std::string> selected_keys(const model::PodSpec& spec) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : spec.nodeSelector) keys.push_back(key);
  if (!spec.affinity || !spec.affinity->nodeAffinity) return keys;
  const auto& required =
      spec.affinity->nodeAffinity->requiredDuringSchedulingIgnoredDuringExecution;
  if (!required) return keys;
  for (const auto& term : required->nodeSelectorTerms)
    for (const auto& wanted : term.matchExpressions)
      if (wanted.operator_ == "In" || wanted.operator_ == "Exists" || wanted.operator_ == "Gt" ||
          wanted.operator_ == "Lt")
        keys.push_back(wanted.key);
  return keys;
}

// The first pods that the group's real nodes would take and that name the label.
const PodView* pod_that_selects(const Context& context, const GroupView& group,
                                const std::string& label) {
  for (const PodView& pod : context.world.pods) {
    if (pod.is_daemon()) continue;
    const auto keys = selected_keys(*pod.spec);
    if (std::find(keys.begin(), keys.end(), label) == keys.end()) continue;
    const scheduling::RequiredNodeAffinity wanted(*pod.spec);
    if (std::any_of(group.nodes.begin(), group.nodes.end(),
                    [&](const auto& labels) { return wanted.matches(labels, {}); }))
      return &pod;
  }
  return nullptr;
}

void check_missing_labels(const Context& context, const GroupView& group) {
  const auto visible = scaling::labels_from_tags(*group.plan.group.tags);
  for (const auto& [label, value] : group.written->labels) {
    if (visible.contains(label)) continue;
    const PodView* pod = pod_that_selects(context, group, label);
    if (pod == nullptr) continue;
    const Place place = group.place["labels"][label];
    const std::string key = tag_key("label", label);
    context.findings.warning(
        place, place.key(),
        {"label-without-template-tag",
         fmt::format(
             "{} selects nodes by {}, which Cluster Autoscaler cannot see while node group {} "
             "is empty: it will not grow from zero",
             pod->name(), label, group.written->name),
         fmt::format("add the tag {}: \"{}\"", key, value), one_edit(add_tag(group, key, value))});
  }
}

void check_missing_taints(const Context& context, const GroupView& group) {
  const auto visible = scaling::taints_from_tags(*group.plan.group.tags);
  for (std::size_t i = 0; i < group.written->taints.list.size(); ++i) {
    const model::Taint& taint = group.written->taints.list[i];
    if (taint.effect != "NoSchedule" && taint.effect != "NoExecute") continue;
    if (std::any_of(visible.begin(), visible.end(),
                    [&](const model::Taint& seen) { return seen.key == taint.key; }))
      continue;
    // The tag that should have said it is reported, with its mending, on its own.
    bool meant = false;
    for (const auto& [key, value] : group.written->tags) {
      const std::string mark = tag_key("taint", "");
      if (key.starts_with(mark) && !scaling::taint_tag_problem(value).empty())
        meant = meant || meant_taint(group, key.substr(mark.size()), value) == &taint;
    }
    if (meant) continue;
    const model::Value* list = group.place["taints"].get();
    const bool as_map = list != nullptr && list->is_map();
    const Place place = as_map ? group.place["taints"][taint.key] : group.place["taints"][i];
    const std::string key = tag_key("taint", taint.key);
    context.findings.warning(
        place, place.key(),
        {"taint-without-template-tag",
         fmt::format(
             "Cluster Autoscaler cannot see the taint {} while node group {} is empty: it may "
             "buy a node for pods that the node then repels",
             taint.key, group.written->name),
         fmt::format("add the tag {}: \"{}\"", key, taint_text(taint)),
         one_edit(add_tag(group, key, taint_text(taint)))});
  }
}

}  // namespace

std::optional<Edit> add_tag(const GroupView& group, const std::string& key,
                            const std::string& value) {
  if (group.written->tags.contains(key)) return std::nullopt;
  const model::Value::Map tag = {{key, model::Value(value), {}}};
  if (const Place tags = group.place["tags"]; tags.exists()) {
    const auto edit = insert_members(tags.get(), tag);
    if (edit) return edit;
  }
  if (!group.written->tags.empty() || group.place["tags"].exists()) return std::nullopt;
  return insert_members(group.place.get(), {{"tags", model::Value(tag), {}}});
}

void check_template_tags(const Context& context) {
  for (const GroupView& group : context.world.groups) {
    if (group.self_managed == nullptr) continue;
    for (const auto& [key, value] : group.written->tags) {
      check_taint_tag(context, group, key, value);
      check_label_tag(context, group, key, value);
      check_option_tag(context, group, key, value);
    }
    if (group.plan.group.min_size > 0) continue;  // never empty
    if (!group.written->propagateASGTags) check_missing_labels(context, group);
    if (!group.written->propagateASGTags) check_missing_taints(context, group);
  }
}

}  // namespace gputide::checking
