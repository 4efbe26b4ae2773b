// Cluster Autoscaler as a Deployment: its flags, and the groups that it would find.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/checking/checks.h"
#include "decide/scaling/discovery.h"
#include "decide/scaling/options.h"

namespace gputide::checking {
namespace {

constexpr std::string_view kEnabled = "k8s.io/cluster-autoscaler/enabled";
constexpr std::string_view kOwned = "k8s.io/cluster-autoscaler/";

/// The command line of one container and where its words stand.
struct CommandLine {
  std::string program;  // last part of its path
  std::vector<std::string> words;
  std::vector<Place> places;

  /// Where the flag is written; nullptr when it is not.
  const Place* flag(std::string_view name) const {
    for (std::size_t i = 0; i < words.size(); ++i) {
      std::string_view word = words[i];
      while (word.starts_with('-')) word.remove_prefix(1);
      if (word == name || (word.starts_with(name) && word.substr(name.size()).starts_with('=')))
        return &places[i];
    }
    return nullptr;
  }
};

CommandLine command_line(const ContainerView& view) {
  CommandLine line;
  const auto add = [&](const std::vector<std::string>& list, std::string_view name) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      line.words.push_back(list[i]);
      line.places.push_back(view.place[name][i]);
    }
  };
  add(view.container->command, "command");
  if (!line.words.empty()) {
    line.program = line.words.front().substr(line.words.front().rfind('/') + 1);
    line.words.erase(line.words.begin());
    line.places.erase(line.places.begin());
  } else if (view.container->image.find("cluster-autoscaler") != std::string::npos) {
    line.program = "cluster-autoscaler";
  }
  add(view.container->args, "args");
  if (line.program == "gputide" && !line.words.empty() && line.words.front() == "autoscaler") {
    line.program = "gputide autoscaler";
    line.words.erase(line.words.begin());
    line.places.erase(line.places.begin());
  }
  return line;
}

struct Autoscaler {
  const PodView& pod;
  const ContainerView& container;
  const CommandLine& line;
  const scaling::Options& options;

  Place place(std::string_view flag) const {
    const Place* found = line.flag(flag);
    return found != nullptr ? *found : container.place["command"];
  }
};

// Tags of all --node-group-auto-discovery flags; a flag that cannot be read is an error.
scaling::DiscoveryTags discovery(const Context& context, const Autoscaler& autoscaler) {
  std::vector<scaling::DiscoveryTags> all;
  for (const std::string& spec : autoscaler.options.node_group_auto_discovery) {
    auto tags = scaling::parse_auto_discovery(spec);
    if (tags)
      all.push_back(std::move(*tags));
    else
      context.findings.error(autoscaler.place("node-group-auto-discovery"),
                             {"bad-discovery", tags.error().message,
                              "write asg:tag=k8s.io/cluster-autoscaler/enabled,"
                              "k8s.io/cluster-autoscaler/NAME-OF-THE-CLUSTER"});
  }
  return scaling::merge_discovery(all);
}

// Appends the cluster's own tag to the flag, when every group that is found now carries it.
std::vector<Edit> name_the_cluster(const Context& context, const Place& flag,
                                   const scaling::DiscoveryTags& tags, const std::string& owned) {
  if (flag.get() == nullptr || !flag.get()->is_string() || flag.get()->quoted) return {};
  const Span where = flag.where();
  const std::string& text = flag.get()->as_string();
  if (where.end - where.begin != text.size() || !text.ends_with(kEnabled)) return {};
  scaling::DiscoveryTags more = tags;
  more[owned] = "";
  for (const GroupView& group : context.world.groups)
    if (scaling::discovered(group.plan.group, tags) && !scaling::discovered(group.plan.group, more))
      return {};
  return {Edit{{where.line, where.column, where.end, where.end}, "," + owned}};
}

void check_groups_named(const Context& context, const Autoscaler& autoscaler) {
  for (const std::string& spec : autoscaler.options.nodes) {
    const auto parsed = scaling::parse_nodes_spec(spec);
    if (parsed) continue;
    const CommandLine& line = autoscaler.line;
    const auto at = std::find_if(line.words.begin(), line.words.end(),
                                 [&](const std::string& word) { return word.ends_with(spec); });
    context.findings.error(
        at != line.words.end() ? line.places[static_cast<std::size_t>(at - line.words.begin())]
                               : autoscaler.place("nodes"),
        {"flag-value", parsed.error().message, "write --nodes=MIN:MAX:NAME-OF-THE-GROUP"});
  }
}

void check_discovery(const Context& context, const Autoscaler& autoscaler) {
  const scaling::DiscoveryTags tags = discovery(context, autoscaler);
  if (tags.empty()) {
    if (autoscaler.options.node_group_auto_discovery.empty() && autoscaler.options.nodes.empty())
      context.findings.warning(
          autoscaler.container.place["command"],
          {"no-node-groups",
           "neither --node-group-auto-discovery nor --nodes is given: it scales "
           "no group",
           "add --node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/enabled,"
           "k8s.io/cluster-autoscaler/NAME-OF-THE-CLUSTER"});
    return;
  }
  const Place flag = autoscaler.place("node-group-auto-discovery");
  const auto& clusters = context.world.clusters;
  const std::string cluster = clusters.size() == 1 ? clusters.front().config->metadata.name : "";
  if (tags.size() == 1 && tags.begin()->first == kEnabled) {
    const std::string owned =
        fmt::format("{}{}", kOwned, cluster.empty() ? "NAME-OF-THE-CLUSTER" : cluster);
    context.findings.warning(
        flag,
        {"discovers-every-cluster",
         fmt::format("{} alone is on the groups of every cluster of the account and region: it "
                     "will scale those too",
                     kEnabled),
         fmt::format("add ,{}", owned),
         cluster.empty() ? std::vector<Edit>() : name_the_cluster(context, flag, tags, owned)});
  }
  if (cluster.empty()) return;
  for (const auto& [key, value] : tags) {
    if (!key.starts_with(kOwned) || key == kEnabled) continue;
    const std::string named = key.substr(kOwned.size());
    if (named == cluster || named.find('/') != std::string::npos) continue;
    context.findings.warning(
        flag,
        {"discovers-another-cluster",
         fmt::format("it looks for groups of cluster {}, and these files make {}: it finds none "
                     "of them",
                     named, cluster),
         fmt::format("write {}{}", kOwned, cluster)});
    return;
  }
  const auto& groups = context.world.groups;
  const bool any = std::any_of(groups.begin(), groups.end(), [&](const GroupView& group) {
    return scaling::discovered(group.plan.group, tags);
  });
  if (!any && !groups.empty())
    context.findings.warning(
        flag,
        {"discovers-nothing", "no node group of these files carries all of these tags",
         "set iam.withAddonPolicies.autoScaler: true, which adds them, or write them under tags"});
}

void check_expander(const Context& context, const Autoscaler& autoscaler) {
  const auto& groups = context.world.groups;
  const bool gpus = std::any_of(groups.begin(), groups.end(),
                                [](const GroupView& group) { return group.has_nvidia(); });
  const std::vector<std::string> names = autoscaler.options.expanders();
  if (groups.size() < 2 || !gpus || names.empty() || names.front() != "random") return;
  const Place* written = autoscaler.line.flag("expander");
  context.findings.warning(
      autoscaler.place("expander"),
      {"random-expander",
       fmt::format("{}expander random picks any group that fits, whatever its nodes cost: a pod "
                   "without a GPU may buy a GPU node",
                   written == nullptr ? "without --expander this release uses random: " : ""),
       "write --expander=least-waste, or priority"});
}

void check_static_list(const Context& context, const Autoscaler& autoscaler) {
  if (!autoscaler.options.aws_use_static_instance_list) return;
  std::vector<std::string> young;
  for (const GroupView& group : context.world.groups)
    for (const model::InstanceType* type : group.types)
      if (type->current_generation && type->visible_gpus() > 0 &&
          std::find(young.begin(), young.end(), type->name) == young.end())
        young.emplace_back(type->name);
  const bool old =
      scaling::release_of_image(autoscaler.container.container->image) == scaling::Release::V1_31;
  if (young.empty() || !old) return;
  context.findings.warning(
      autoscaler.place("aws-use-static-instance-list"),
      {"static-instance-list",
       fmt::format("the list of instance types is the one compiled into {}: if {} is younger, its "
                   "groups cannot grow from zero",
                   autoscaler.container.container->image, join(young, ", ")),
       "remove the flag, and allow ec2:DescribeInstanceTypes"});
}

void check_requests(const Context& context, const Autoscaler& autoscaler) {
  if (autoscaler.options.enable_provisioning_requests) return;
  const auto& objects = context.world.objects;
  const auto asking = std::find_if(objects.begin(), objects.end(), [](const auto* object) {
    const auto* request = object->template as<model::ProvisioningRequest>();
    return request != nullptr &&
           (request->spec.provisioningClassName == model::kCheckCapacityClass ||
            request->spec.provisioningClassName == model::kBestEffortAtomicClass);
  });
  if (asking == objects.end()) return;
  context.findings.warning(
      autoscaler.place("enable-provisioning-requests"),
      {"provisioning-requests-off",
       fmt::format("it does not look at ProvisioningRequests such as {}", (*asking)->metadata.name),
       "add --enable-provisioning-requests"});
}

// The flag that a finding about all of them names: "--cloud-provider is ...", "Expander ...".
const Place* flag_of(const Diagnostic& finding, const CommandLine& line) {
  if (finding.what.starts_with("Expander ")) return line.flag("expander");
  const std::size_t dashes = finding.what.find("--");
  if (dashes == std::string::npos) return nullptr;
  const std::string_view rest = std::string_view(finding.what).substr(dashes + 2);
  return line.flag(rest.substr(0, rest.find_first_of(" =,:;")));
}

Diagnostics placed(const Diagnostics& flags, const ContainerView& container,
                   const CommandLine& line) {
  const Place words =
      container.place["command"].exists() ? container.place["command"] : container.place["args"];
  Diagnostics out;
  for (Diagnostic finding : flags.list()) {
    if (finding.where.line == 0) {
      const Place* flag = flag_of(finding, line);
      finding.where = flag != nullptr ? flag->where() : words.key();
    }
    out.add(std::move(finding));
  }
  return out;
}

void check_one(const Context& context, const PodView& pod, const ContainerView& container) {
  const CommandLine line = command_line(container);
  const bool ours = line.program == "gputide autoscaler";
  if (!ours && line.program != "cluster-autoscaler") return;
  std::vector<Span> places;
  for (const Place& place : line.places) places.push_back(place.where());
  Diagnostics flags;
  const auto release = scaling::release_of_image(container.container->image);
  const scaling::Options options = scaling::parse_options(
      line.words, ours ? scaling::Compat::Gputide : scaling::Compat::Upstream,
      release.value_or(scaling::Release::V1_36), pod.object->file, places, flags);
  context.findings.append(placed(flags, container, line));
  const Autoscaler autoscaler{pod, container, line, options};
  check_groups_named(context, autoscaler);
  check_discovery(context, autoscaler);
  check_expander(context, autoscaler);
  check_static_list(context, autoscaler);
  check_requests(context, autoscaler);
}

}  // namespace

void check_autoscalers(const Context& context) {
  for (const PodView& pod : context.world.pods)
    for (const ContainerView& container : containers(pod)) check_one(context, pod, container);
}

}  // namespace gputide::checking
