#include "decide/scaling/scale_up.h"

#include <algorithm>
#include <numeric>
#include <set>

#include <boost/unordered/unordered_flat_set.hpp>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "decide/provisioning/bound.h"
#include "decide/scaling/balancing.h"
#include "decide/scaling/cheapest_growth.h"
#include "decide/scaling/explain_choice.h"

namespace gputide::scaling {
namespace {

constexpr std::string_view kBackedOff = "in backoff after failed scale-up";
constexpr std::string_view kNotReady = "not ready for scale-up";
constexpr std::string_view kAtMaximum = "max node group size reached";

// Equivalence groups of pods and, for each group of nodes, which of them it could hold.
class Orchestration {
 public:
  Orchestration(std::span<const PodRef> pods, const ScaleUpInput& input, const ScaleUpRules& rules,
                Simulation& simulation, PodShapes& shapes)
      : input_(input),
        rules_(rules),
        simulation_(simulation),
        groups_(group_pods(pods, shapes)),
        pods_(pods.size()),
        reasons_(input.seen.groups.size()),
        verdicts_(input.seen.groups.size()) {}

  ScaleUpResult run(Rng* rng) {
    find_valid_groups();
    for (const std::size_t group : valid_)
      verdicts_[group] = try_on_template(groups_, input_.copies[group], simulation_);
    if (plans_by_price() && grow_cheapest()) return std::move(result_);
    for (const std::size_t group : valid_) add_option(group);
    std::vector<ExpanderEvent> events;
    const model::StringMap* priorities =
        input_.seen.priority_config ? &*input_.seen.priority_config : nullptr;
    std::optional<std::size_t> best;
    if (!options_.empty())
      best = best_option(rules_.expanders, options_, {priorities, rng}, events);
    for (ExpanderEvent& event : events)
      result_.events.push_back({PlanEvent::About::PriorityConfig,
                                {},
                                {},
                                true,
                                std::move(event.reason),
                                std::move(event.message)});
    if (!best || options_[*best].node_count <= 0)
      tell_unhelped();
    else
      execute(*best);
    if (input_.all_or_nothing && result_.resize.empty()) tell_why_not_all();
    return std::move(result_);
  }

 private:
  const GroupView& view(std::size_t group) const { return input_.seen.groups[group]; }
  const NodeTemplate* node(std::size_t group) const { return input_.templates.of(group).get(); }
  bool could_hold(std::size_t group, std::size_t pods) const {
    return !verdicts_[group].empty() && !verdicts_[group][pods];
  }

  void find_valid_groups() {
    std::vector<const NodeTemplate*> templates;
    for (std::size_t g = 0; g < input_.seen.groups.size(); ++g) templates.push_back(node(g));
    left_ = rules_.limits.left(input_.seen, templates);
    for (std::size_t g = 0; g < input_.seen.groups.size(); ++g) {
      reasons_[g] = why_not(g);
      if (reasons_[g].empty()) valid_.push_back(g);
    }
  }

  std::vector<std::string> why_not(std::size_t group) const {
    if (!input_.cluster.group_healthy(group)) return {std::string(kNotReady)};
    if (input_.cluster.backed_off(group, input_.now) != nullptr) return {std::string(kBackedOff)};
    if (input_.targets[group] + 1 > view(group).max_size) return {std::string(kAtMaximum)};
    if (node(group) == nullptr) return {std::string(kNotReady)};
    const std::vector<std::string> over = rules_.limits.exceeded(left_, *node(group));
    if (!over.empty()) return {fmt::format("max cluster {} limit reached", join(over, ", "))};
    return {};
  }

  // Groups that may share what `group` would get.
  std::vector<std::size_t> similar_to(std::size_t group) const {
    std::vector<std::size_t> found;
    if (!rules_.options.balance_similar_node_groups) return found;
    for (std::size_t other = 0; other < input_.seen.groups.size(); ++other) {
      if (other == group || verdicts_[other].empty()) continue;
      if (!input_.cluster.group_healthy(other) ||
          input_.cluster.backed_off(other, input_.now) != nullptr)
        continue;
      if (!alike(group, other) || !holds_the_same(group, other)) continue;
      found.push_back(other);
    }
    return found;
  }

  bool alike(std::size_t a, std::size_t b) const {
    if (rules_.semantics.balance_by_intent && view(a).provider_template != nullptr &&
        view(b).provider_template != nullptr)
      return rules_.alike(view(a).provider_template, view(b).provider_template);
    return rules_.alike(input_.templates.of(a), input_.templates.of(b));
  }

  bool holds_the_same(std::size_t group, std::size_t other) const {
    for (std::size_t i = 0; i < groups_.size(); ++i)
      if (could_hold(group, i) && !could_hold(other, i)) return false;
    return true;
  }

  // All groups at once, by the packing engine: where prices are to decide, and nothing but the
  // groups' sizes limits what may be bought.
  bool plans_by_price() const {
    const bool one_pod = groups_.size() == 1 && groups_.front().pods.size() == 1;
    return rules_.semantics.plans_all_groups_at_once && !one_pod && !rules_.limits.any() &&
           rules_.options.max_nodes_total == 0 && rules_.expanders.size() == 1 &&
           rules_.expanders.front() == "price" && prices_known();
  }

  bool prices_known() const {
    return std::all_of(valid_.begin(), valid_.end(),
                       [&](std::size_t g) { return view(g).price_per_hour.has_value(); });
  }

  // With prices_known().
  std::vector<GrowthGroup> growth_groups() const {
    std::vector<GrowthGroup> groups;
    for (const std::size_t g : valid_)
      groups.push_back({node(g), *view(g).price_per_hour, view(g).max_size - input_.targets[g]});
    return groups;
  }

  template <class Wanted>
  std::vector<GrowthPod> growth_pods(Wanted wanted) const {
    std::vector<GrowthPod> pods;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      std::vector<std::uint8_t> fits;
      for (const std::size_t g : valid_) fits.push_back(could_hold(g, i) ? 1 : 0);
      for (const PodRef& pod : groups_[i].pods)
        if (wanted(pod)) pods.push_back({pod, fits});
    }
    return pods;
  }

  // False: nothing helps, it would be too much at once, or it would hold only if the scheduler put
  // the pods where they were planned.
  bool grow_cheapest() {
    const std::vector<GrowthPod> pods = growth_pods([](const PodRef&) { return true; });
    const Growth growth = cheapest_growth(growth_groups(), pods, input_.seen);
    const std::int64_t nodes =
        std::accumulate(growth.nodes.begin(), growth.nodes.end(), std::int64_t{0});
    if (!growth.any_order || nodes == 0 || nodes > rules_.options.max_nodes_per_scaleup)
      return false;
    const auto placed = static_cast<std::size_t>(
        std::count_if(growth.placed.begin(), growth.placed.end(), [](auto p) { return p != 0; }));
    if (input_.all_or_nothing && placed < pods_) return false;
    for (std::size_t i = 0; i < pods.size(); ++i)
      if (growth.placed[i] != 0) result_.helped.push_back(pods[i].pod);
    resize_all(growth);
    return true;
  }

  // What each group of groups that are alike gets is split between them.
  void resize_all(const Growth& growth) {
    std::map<std::size_t, std::int64_t> wanted;
    for (std::size_t i = 0; i < valid_.size(); ++i)
      if (growth.nodes[i] > 0) wanted[valid_[i]] = growth.nodes[i];
    std::vector<ScaleUp> parts;
    for (auto at = wanted.begin(); at != wanted.end(); at = wanted.begin()) {
      const std::size_t group = at->first;
      std::vector<GroupSize> sizes{{view(group).id, input_.targets[group], view(group).max_size}};
      std::int64_t nodes = at->second;
      wanted.erase(at);
      for (const std::size_t other : similar_to(group)) {
        sizes.push_back({view(other).id, input_.targets[other], view(other).max_size});
        if (const auto more = wanted.find(other); more != wanted.end()) {
          nodes += more->second;
          wanted.erase(more);
        }
      }
      for (ScaleUp& part : balance(sizes, nodes)) parts.push_back(std::move(part));
    }
    const std::string why = why_cheapest(growth, parts);
    for (const ScaleUp& part : parts)
      result_.resize.push_back({part.group, part.current, part.target, part.max,
                                result_.helped.size(), valid_.size(), why, input_.now,
                                growth.per_hour, growth.lower_bound});
    tell_helped(result_.helped, parts);
  }

  static std::int64_t added_by(const std::vector<ScaleUp>& parts) {
    std::int64_t nodes = 0;
    for (const ScaleUp& part : parts) nodes += part.target - part.current;
    return nodes;
  }

  std::string why_cheapest(const Growth& growth, const std::vector<ScaleUp>& parts) const {
    const std::int64_t nodes = added_by(parts);
    std::string why = fmt::format(
        "{} {} {} more {}, ${} an hour: the cheapest that {} found", describe_pods(result_.helped),
        result_.helped.size() == 1 ? "needs" : "need", nodes, nodes == 1 ? "node" : "nodes",
        growth.per_hour.text(4), nodes == 1 ? "was" : "were");
    if (growth.lower_bound > Money())
      why +=
          fmt::format(", and none could cost less than ${} ({} × that)", growth.lower_bound.text(4),
                      provisioning::over_bound_text(growth.per_hour, growth.lower_bound));
    return why + why_not_others();
  }

  void add_option(std::size_t group) {
    std::vector<const PodGroup*> fitting;
    for (std::size_t i = 0; i < groups_.size(); ++i)
      if (could_hold(group, i)) fitting.push_back(&groups_[i]);
    if (fitting.empty()) return;
    EstimateLimits limits;
    limits.max_nodes_per_scale_up = rules_.options.max_nodes_per_scaleup;
    limits.cluster_max = rules_.options.max_nodes_total;
    limits.cluster_nodes = input_.cluster_nodes;
    limits.group_room = view(group).max_size - input_.targets[group];
    for (const std::size_t other : similar_to(group))
      limits.group_room += std::max<std::int64_t>(view(other).max_size - input_.targets[other], 0);
    Estimate found =
        estimate(fitting, input_.copies[group], node_limit(limits), rules_.semantics, simulation_);
    if (found.nodes == 0 || found.pods.empty()) return;
    if (input_.all_or_nothing && found.pods.size() < pods_) {
      too_small_.push_back(
          fmt::format("{} has room for {} of them", view(group).name(), found.pods.size()));
      return;
    }
    options_.push_back({view(group).id, found.nodes, std::move(found.pods), node(group),
                        view(group).price_per_hour, view(group).short_name});
    group_of_option_.push_back(group);
  }

  void execute(std::size_t best) {
    const std::size_t group = group_of_option_[best];
    ExpansionOption& option = options_[best];
    std::int64_t nodes = option.node_count;
    const std::int64_t total = rules_.options.max_nodes_total;
    if (total > 0 && nodes + input_.cluster_nodes > total) {
      nodes = total - input_.cluster_nodes;
      result_.events.push_back({PlanEvent::About::Status,
                                {},
                                {},
                                true,
                                "MaxNodesTotalReached",
                                fmt::format("Max total nodes in cluster reached: {}", total)});
    }
    nodes = rules_.limits.cap(left_, *node(group), nodes);
    const bool too_few = input_.all_or_nothing && nodes < option.node_count;
    if (nodes < 1 || too_few) {
      result_.at_cluster_limit = true;
      return;
    }
    split(best, nodes);
    result_.helped = std::move(option.pods);
  }

  void tell_why_not_all() {
    std::string& why = result_.why_not_all;
    why =
        fmt::format("{} more {} must find room at once, and ", pods_, pods_ == 1 ? "pod" : "pods");
    if (result_.at_cluster_limit)
      why += "the limits of the cluster leave too little";
    else if (!too_small_.empty())
      why += shortened(too_small_);
    else if (!result_.unhelped.empty() && !result_.unhelped.front().message.empty())
      why += "no group helps: " + result_.unhelped.front().message;
    else
      why += "no group helps" + why_not_others();
  }

  // What the pods of a choice could not cost less than. For one pod the options are all that could
  // be its node.
  Money bound_of(const ExpansionOption& chosen) const {
    if (!prices_known()) return {};
    if (chosen.pods.size() == 1) {
      const auto cheapest = std::min_element(
          options_.begin(), options_.end(),
          [](const auto& a, const auto& b) { return *a.price_per_hour < *b.price_per_hour; });
      return *cheapest->price_per_hour;
    }
    const boost::unordered_flat_set<PodRef> helped(chosen.pods.begin(), chosen.pods.end());
    return growth_bound(growth_groups(),
                        growth_pods([&](const PodRef& pod) { return helped.contains(pod); }),
                        input_.seen);
  }

  // An hour, of all that the parts add; zero: not known of each.
  Money price_of(const std::vector<ScaleUp>& parts) const {
    Money sum;
    for (const ScaleUp& part : parts)
      for (const GroupView& group : input_.seen.groups) {
        if (group.id != part.group) continue;
        if (!group.price_per_hour) return {};
        sum += *group.price_per_hour * (part.target - part.current);
      }
    return sum;
  }

  void split(std::size_t best, std::int64_t nodes) {
    const std::size_t group = group_of_option_[best];
    const std::vector<std::size_t> partners = similar_to(group);
    std::vector<GroupSize> sizes{{view(group).id, input_.targets[group], view(group).max_size}};
    for (const std::size_t other : partners)
      sizes.push_back({view(other).id, input_.targets[other], view(other).max_size});
    const std::vector<ScaleUp> parts = balance(sizes, nodes);
    if (input_.all_or_nothing && added_by(parts) < nodes) return;
    const ExpansionOption& option = options_[best];
    const bool whole = nodes == option.node_count;  // else nobody knows whom the nodes will take
    const Money price = price_of(parts);
    const Money bound = whole ? bound_of(option) : Money();
    std::string why = fmt::format("{} {} {} more {}: {}", describe_pods(option.pods),
                                  option.pods.size() == 1 ? "needs" : "need", nodes,
                                  nodes == 1 ? "node" : "nodes", explain(best));
    if (parts.size() > 1) {
      std::vector<std::string> names;
      for (const ScaleUp& part : parts)
        for (std::size_t g = 0; g < input_.seen.groups.size(); ++g)
          if (view(g).id == part.group)
            names.push_back(fmt::format("{} ({})", view(g).name(), part.target - part.current));
      why += fmt::format("; split between {}, which are alike", fmt::join(names, ", "));
    }
    for (const ScaleUp& part : parts) {
      const bool first = &part == &parts.front();
      std::string mine = first ? why
                               : fmt::format("{} of those {} nodes, being alike with {}",
                                             part.target - part.current, nodes, parts[0].group);
      result_.resize.push_back({part.group, part.current, part.target, part.max, option.pods.size(),
                                options_.size(), std::move(mine), input_.now, price, bound});
    }
    tell_helped(option.pods, parts);
  }

  std::string explain(std::size_t best) const {
    const model::StringMap* priorities =
        input_.seen.priority_config ? &*input_.seen.priority_config : nullptr;
    return explain_choice(rules_.expanders, options_, best, {priorities, nullptr}) +
           why_not_others();
  }

  // "; gpu-b, gpu-c: in backoff after failed scale-up".
  std::string why_not_others() const {
    std::string why;
    std::map<std::string, std::vector<std::string>> by_reason;
    for (std::size_t g = 0; g < reasons_.size(); ++g)
      for (const std::string& reason : reasons_[g]) by_reason[reason].push_back(view(g).name());
    for (const auto& [reason, names] : by_reason)
      why += fmt::format("; {}: {}", shortened(names), reason);
    return why;
  }

  static std::string shortened(const std::vector<std::string>& names) {
    constexpr std::size_t kNamesShown = 3;
    const std::size_t shown = std::min(names.size(), kNamesShown);
    std::string text = join(std::span(names).first(shown), ", ");
    if (names.size() > shown) text += fmt::format(" and {} more", names.size() - shown);
    return text;
  }

  void tell_helped(const std::vector<PodRef>& pods, const std::vector<ScaleUp>& parts) {
    std::string list;
    for (const ScaleUp& part : parts)
      list += fmt::format("{}{{{} {}->{} (max: {})}}", list.empty() ? "" : " ", part.group,
                          part.current, part.target, part.max);
    const std::string message = fmt::format("pod triggered scale-up: [{}]", list);
    for (const PodRef& pod : pods)
      result_.events.push_back({PlanEvent::About::Pod, pod->metadata.namespace_, pod->metadata.name,
                                false, "TriggeredScaleUp", message});
  }

  // Pods that fit some group's node are not told anything: another loop may help them.
  void tell_unhelped() {
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      bool fits_somewhere = false;
      std::map<std::string, int> counted;
      for (std::size_t g = 0; g < input_.seen.groups.size(); ++g) {
        fits_somewhere = fits_somewhere || could_hold(g, i);
        for (const std::string& reason : reasons_[g]) ++counted[reason];
        if (!verdicts_[g].empty() && verdicts_[g][i])
          for (const std::string& reason : verdicts_[g][i]->reasons) ++counted[reason];
      }
      if (fits_somewhere) continue;
      std::vector<std::string> parts;
      for (const auto& [reason, count] : counted)
        parts.push_back(fmt::format("{} {}", count, reason));
      const std::string message = join(parts, ", ");
      for (const PodRef& pod : groups_[i].pods) result_.unhelped.push_back({pod, message});
    }
  }

  const ScaleUpInput& input_;
  const ScaleUpRules& rules_;
  Simulation& simulation_;
  const std::vector<PodGroup> groups_;
  const std::size_t pods_;
  ClusterAmounts left_;
  std::vector<std::vector<std::string>> reasons_;  // why a group is not valid
  std::vector<std::size_t> valid_;
  std::vector<std::vector<std::optional<Rejection>>> verdicts_;  // of valid groups
  std::vector<ExpansionOption> options_;
  std::vector<std::size_t> group_of_option_;
  std::vector<std::string> too_small_;  // groups that could not hold all of the pods
  ScaleUpResult result_;
};

}  // namespace

ScaleUpRules::ScaleUpRules(const Options& from)
    : options(from),
      semantics(from.semantics()),
      alike(SimilarityOptions::of(from)),
      limits(from),
      expanders(from.expanders()) {}

ScaleUpResult scale_up(std::span<const PodRef> pods, const ScaleUpInput& input,
                       const ScaleUpRules& rules, Simulation& simulation, PodShapes& shapes,
                       Rng* rng) {
  return Orchestration(pods, input, rules, simulation, shapes).run(rng);
}

std::vector<SetSize> raise_to_minimum(const ScaleUpInput& input, const ScaleUpRules& rules) {
  std::vector<SetSize> raised;
  std::vector<const NodeTemplate*> templates;
  for (std::size_t g = 0; g < input.seen.groups.size(); ++g)
    templates.push_back(input.templates.of(g).get());
  const ClusterAmounts left = rules.limits.left(input.seen, templates);
  for (std::size_t g = 0; g < input.seen.groups.size(); ++g) {
    const GroupView& group = input.seen.groups[g];
    if (input.targets[g] >= group.min_size || templates[g] == nullptr) continue;
    if (!input.cluster.group_healthy(g) || input.cluster.backed_off(g, input.now) != nullptr)
      continue;
    const std::int64_t nodes =
        rules.limits.cap(left, *templates[g], group.min_size - input.targets[g]);
    if (nodes < 1) continue;
    raised.push_back({group.id, input.targets[g], input.targets[g] + nodes, group.max_size, 0, 1,
                      fmt::format("the group is below its minimum of {}", group.min_size),
                      input.now});
  }
  return raised;
}

std::string describe_pods(std::span<const PodRef> pods) {
  std::set<std::string> owners;
  const model::Pod* last = nullptr;
  const model::OwnerReference* last_owner = nullptr;
  for (const PodRef& pod : pods) {
    const model::OwnerReference* owner = pod->metadata.controller();
    if (owner != nullptr && last_owner != nullptr && owner->name == last_owner->name &&
        owner->kind == last_owner->kind && pod->metadata.namespace_ == last->metadata.namespace_)
      continue;  // most pods of a node are those of one owner
    last = pod.get();
    last_owner = owner;
    owners.insert(owner == nullptr
                      ? "pod " + pod->metadata.namespace_ + "/" + pod->metadata.name
                      : owner->kind + " " + pod->metadata.namespace_ + "/" + owner->name);
    if (owners.size() > 3) break;
  }
  const std::string count = fmt::format("{} {}", pods.size(), pods.size() == 1 ? "pod" : "pods");
  if (owners.size() > 3) return count + " of many owners";
  return fmt::format("{} ({})", count, fmt::join(owners, ", "));
}

}  // namespace gputide::scaling
