#include "decide/checking/karpenter_labels.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/provisioning/ec2_types.h"
#include "model/labels.h"

namespace gputide::checking {
namespace {

bool is_karpenters(std::string_view key) {
  const std::string_view domain = key.substr(0, key.find('/'));
  return domain.size() < key.size() &&
         (domain.ends_with("karpenter.sh") || domain.ends_with("karpenter.k8s.aws"));
}

template <class Words>
std::string meant_by(std::string_view word, const Words& words) {
  const std::vector<std::string_view> candidates(words.begin(), words.end());
  const auto meant = closest(word, candidates);
  return meant ? fmt::format("did you mean {}?", *meant) : "";
}

std::string some_of(const std::set<std::string>& values) {
  constexpr std::size_t kShown = 8;
  std::vector<std::string> shown;
  for (const std::string& value : values)
    if (shown.size() < kShown) shown.push_back(value);
  return fmt::format("write one of {}{}", join(shown, ", "), values.size() > kShown ? " ..." : "");
}

}  // namespace

LabelValues label_values(const pricing::Catalogue& catalogue) {
  LabelValues values;
  // Between them these regions have every type.
  for (const std::string region : {"us-east-1", "us-west-2"})
    for (const auto& type : provisioning::ec2_types(catalogue, region, {region + "a"}))
      for (const auto& [key, requirement] : type.requirements)
        if (!requirement.complement)
          values[key].insert(requirement.values.begin(), requirement.values.end());
  for (const char* key :
       {"topology.kubernetes.io/zone", "topology.kubernetes.io/region", "topology.k8s.aws/zone-id"})
    values.erase(key);
  values.erase(std::string(labels::kInstanceType));  // its unknown names are reported with prices
  values["karpenter.sh/capacity-type"] = {"on-demand", "spot", "reserved"};
  values["kubernetes.io/os"] = {"linux", "windows"};
  return values;
}

void check_label(const Context& context, const Place& place,
                 const model::NodePoolRequirement& wanted, const LabelValues& values) {
  const std::string key(provisioning::canonical_label(wanted.key));
  const auto& known = provisioning::ec2_well_known_labels();
  if (is_karpenters(key) && !known.contains(key)) {
    // Karpenter's next release may know more of them: only slips of one or two letters are sure.
    const auto meant = std::find_if(known.begin(), known.end(), [&](const std::string& label) {
      return edit_distance(key, label) <= 2;
    });
    if (meant != known.end())
      context.findings.error(
          place["key"],
          {"bad-requirement",
           fmt::format("{} is no label of Karpenter's, and NodePools may not use others of its "
                       "domain",
                       wanted.key),
           fmt::format("did you mean {}?", *meant)});
    return;
  }
  const auto of_types = values.find(key);
  if (of_types == values.end() || wanted.operator_ != "In") return;
  for (std::size_t i = 0; i < wanted.values.size(); ++i) {
    if (of_types->second.contains(wanted.values[i])) continue;
    const std::string meant = meant_by(wanted.values[i], of_types->second);
    context.findings.warning(place["values"][i],
                             {"matches-nothing",
                              fmt::format("no instance type has {} {}, so it matches nothing",
                                          wanted.key, quote(wanted.values[i])),
                              meant.empty() ? some_of(of_types->second) : meant});
  }
}

}  // namespace gputide::checking
