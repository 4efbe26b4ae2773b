// Device plugins: whether one runs where the GPUs are, with which configuration, and whether pods
// ask for what it offers.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "codec/objects.h"
#include "decide/checking/checks.h"
#include "decide/scaling/asg_tags.h"
#include "decide/sharing/device_plugin.h"

namespace gputide::checking {
namespace {

struct Plugin {
  const PodView* pod = nullptr;
  const model::DaemonSet* daemon_set = nullptr;
  sharing::PluginRole role;
};

std::vector<Plugin> plugins(const World& world) {
  std::vector<Plugin> found;
  for (const PodView& pod : world.pods) {
    const auto* daemon_set = pod.object->as<model::DaemonSet>();
    if (daemon_set == nullptr) continue;
    const auto role = sharing::plugin_role(*pod.spec);
    if (role && role->offers_devices) found.push_back({&pod, daemon_set, *role});
  }
  return found;
}

sharing::FindConfigMap find_config_map(const World& world) {
  return [&world](std::string_view name_space, std::string_view name) -> const model::ConfigMap* {
    for (const model::Object* object : world.objects) {
      const auto* map = object->as<model::ConfigMap>();
      const bool here = object->metadata.namespace_ == name_space ||
                        (object->metadata.namespace_.empty() && name_space == "default");
      if (map != nullptr && here && object->metadata.name == name) return map;
    }
    return nullptr;
  };
}

/// What one instance type of one group will offer, by which plugin.
struct Offered {
  const GroupView* group = nullptr;
  const model::InstanceType* type = nullptr;
  sharing::NodeOffer offer;
};

// Where a plugin's node affinity or selector is written.
Place selector_place(const PodView& pod) {
  const Place terms =
      pod.place["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
               ["nodeSelectorTerms"];
  return terms.exists() ? terms : pod.place["nodeSelector"];
}

class PluginChecks {
 public:
  explicit PluginChecks(const Context& context) : context_(context) {}

  void run() {
    const std::vector<Plugin> found = plugins(context_.world);
    for (const Plugin& plugin : found) check_plugin(plugin);
    for (const GroupView& group : context_.world.groups) check_shared_template(group);
    if (!context_.world.has_node_pools) check_requests(!found.empty());
    check_config_maps();
  }

 private:
  void check_plugin(const Plugin& plugin) {
    std::vector<std::string> excluded;
    for (const GroupView& group : context_.world.groups) {
      if (!group.has_nvidia()) continue;
      if (!tolerates(*plugin.pod->spec, group.plan.bootstrap.taints)) {
        report_repelled(plugin, group);
        continue;
      }
      for (const model::InstanceType* type : group.types) {
        if (!type->has_nvidia()) continue;
        const auto& zones = group.plan.group.availability_zones;
        const auto labels = node_labels(group, *type, zones.empty() ? "" : zones.front());
        if (selects(*plugin.pod->spec, labels))
          check_offer(plugin, group, *type, labels);
        else if (std::find(excluded.begin(), excluded.end(), type->name) == excluded.end())
          excluded.emplace_back(type->name);
      }
    }
    if (!excluded.empty())
      context_.findings.warning(
          selector_place(*plugin.pod),
          {"plugin-excludes-nodes",
           fmt::format("{} does not run on {}: nodes of that type will never show a GPU",
                       plugin.pod->name(), join(excluded, ", ")),
           "add the types, or remove the selector: the plugin waits quietly on nodes without GPU"});
  }

  void report_repelled(const Plugin& plugin, const GroupView& group) {
    for (const model::Taint& taint : group.plan.bootstrap.taints) {
      const model::Taint one[] = {taint};
      if (tolerates(*plugin.pod->spec, one)) continue;
      const Place list = plugin.pod->place["tolerations"];
      context_.findings.warning(
          list.exists() ? list : plugin.pod->place,
          list.exists() ? list.key() : plugin.pod->place.key(),
          {"plugin-not-tolerating",
           fmt::format("{} does not tolerate the taint {}={}:{} of node group {}: its nodes will "
                       "never show a GPU",
                       plugin.pod->name(), taint.key, taint.value, taint.effect,
                       group.written->name),
           fmt::format("add the toleration key: {}, operator: Exists", taint.key)});
    }
  }

  void check_offer(const Plugin& plugin, const GroupView& group, const model::InstanceType& type,
                   const model::StringMap& labels) {
    const auto resolved =
        sharing::resolve_plugin(*plugin.daemon_set, find_config_map(context_.world), labels);
    if (!resolved) return report_setup(plugin, resolved.error().message, "");
    if (!resolved->config_map.empty()) used_.push_back(resolved->config_map);
    auto offer = sharing::offer(type, resolved->setup);
    if (!offer) return report_setup(plugin, offer.error().message, resolved->config_map);
    for (const std::string& warning : offer->warnings)
      context_.findings.warning(config_place(plugin, resolved->config_map),
                                {"plugin-config-ignored", warning, ""});
    offered_.push_back({&group, &type, std::move(*offer)});
  }

  void report_setup(const Plugin& plugin, const std::string& why, const std::string& config_map) {
    const Place place = config_place(plugin, config_map);
    context_.findings.error(place,
                            {"plugin-does-not-start",
                             fmt::format("{} will not start: {}", plugin.pod->name(), why), ""});
  }

  // The ConfigMap where the setup comes from, else the DaemonSet.
  Place config_place(const Plugin& plugin, const std::string& config_map) const {
    for (const model::Object* object : context_.world.objects)
      if (object->as<model::ConfigMap>() != nullptr &&
          object->metadata.namespace_ + "/" + object->metadata.name == config_map)
        return Place(*object)["data"];
    return plugin.pod->place["containers"];
  }

  // Upstream's Cluster Autoscaler counts whole GPUs while the group is empty.
  void check_shared_template(const GroupView& group) {
    const bool upstream =
        std::any_of(context_.world.pods.begin(), context_.world.pods.end(), [](const PodView& pod) {
          const auto all = containers(pod);
          return std::any_of(all.begin(), all.end(), [](const ContainerView& each) {
            return each.container->image.find("cluster-autoscaler") != std::string::npos;
          });
        });
    if (!upstream || group.plan.group.min_size > 0 || group.types.empty()) return;
    for (const Offered& each : offered_) {
      // The autoscaler takes the group's first type for all.
      if (each.group != &group || each.type != group.types.front()) continue;
      for (const sharing::ResourceOffer& resource : each.offer.resources) {
        const auto count = static_cast<std::int64_t>(resource.devices.size());
        const bool whole = resource.name == sharing::kNvidiaGpu && count == each.offer.gpus;
        const std::string key =
            fmt::format("{}resources/{}", scaling::kNodeTemplateTag, resource.name);
        if (whole || group.written->tags.contains(key)) continue;
        context_.findings.warning(
            group.place["name"],
            {"shared-gpus-unseen",
             fmt::format(
                 "a node of {} will offer {} {}, and Cluster Autoscaler reckons with {} while "
                 "the group is empty: it {}",
                 group.written->name, count, resource.name,
                 resource.name == sharing::kNvidiaGpu ? each.offer.gpus : 0,
                 resource.name == sharing::kNvidiaGpu ? "buys too many nodes"
                                                      : "buys none for pods that ask for it"),
             fmt::format("add the tag {}: \"{}\"", key, count),
             one_edit(add_tag(group, key, std::to_string(count)))});
      }
    }
  }

  static bool is_device(std::string_view resource) {
    return resource.starts_with("nvidia.com/") || resource == sharing::kAwsVgpu;
  }

  void check_requests(bool plugin_there) {
    if (context_.world.clusters.empty()) return;  // files of a cluster that stands elsewhere
    for (const PodView& pod : context_.world.pods)
      for (const ContainerView& container : containers(pod))
        for (const auto& [name, quantity] : requests(*container.container))
          if (is_device(name) && quantity.sign() > 0)
            check_request(pod, container, name, quantity.value(), plugin_there);
  }

  void check_request(const PodView& pod, const ContainerView& container, const std::string& name,
                     std::int64_t count, bool plugin_there) {
    Place place = container.place["resources"]["limits"][name];
    if (!place.exists()) place = container.place["resources"]["requests"][name];
    if (!plugin_there)
      return context_.findings.warning(
          place, place.key(),
          {"device-plugin-missing",
           fmt::format(
               "{} asks for {}, and no device plugin is among these files: no node will show "
               "it (eksctl installs NVIDIA's when it makes a cluster with GPU node groups)",
               pod.name(), name),
           "add the DaemonSet of the device plugin"});
    std::int64_t most = 0;
    std::vector<std::string> others;
    bool one_only = false;
    for (const Offered& each : offered_) {
      for (const sharing::ResourceOffer& resource : each.offer.resources) {
        if (resource.name != name) {
          others.push_back(resource.name);
          continue;
        }
        most = std::max(most, static_cast<std::int64_t>(resource.devices.size()));
        one_only = one_only || resource.fail_above_one;
      }
    }
    if (offered_.empty()) return;  // the reason has been said
    if (most == 0) {
      std::sort(others.begin(), others.end());
      others.erase(std::unique(others.begin(), others.end()), others.end());
      context_.findings.warning(
          place, place.key(),
          {"resource-not-offered",
           fmt::format("{} asks for {}, which no node of these groups will offer", pod.name(),
                       name),
           others.empty() ? "" : fmt::format("ask for {}", join(others, " or "))});
    } else if (count > most) {
      context_.findings.warning(
          place, {"too-many-devices",
                  fmt::format("{} asks for {} {} on one node, and the largest offers {}: it stays "
                              "pending",
                              pod.name(), count, name, most),
                  fmt::format("ask for {} or less, or add a larger instance type", most)});
    } else if (count > 1 && one_only) {
      context_.findings.warning(
          place, {"shared-request-above-one",
                  fmt::format("{} asks for {} {}, and the plugin's configuration lets the kubelet "
                              "refuse more than one shared device (failRequestsGreaterThanOne)",
                              pod.name(), count, name),
                  "ask for 1: more shares of a GPU are not more of it"});
    }
  }

  // ConfigMaps that hold a plugin's configuration, whether a plugin reads them or not.
  void check_config_maps() {
    for (const model::Object* object : context_.world.objects) {
      const auto* map = object->as<model::ConfigMap>();
      if (map == nullptr) continue;
      const std::string name = object->metadata.namespace_ + "/" + object->metadata.name;
      const bool used = std::find(used_.begin(), used_.end(), name) != used_.end();
      for (const auto& [key, text] : map->data) {
        if (is_plugin_config(text)) check_config_text(*object, key, text, used);
      }
    }
  }

  // By the words that nothing else has, however they are spelt.
  static bool is_plugin_config(const std::string& text) {
    const std::string words = to_lower(text);
    const auto has = [&](std::string_view word) { return words.find(word) != std::string::npos; };
    return has("timeslicing:") || has("migstrategy:") || (has("sharing:") && has("mps:"));
  }

  void check_config_text(const model::Object& object, const std::string& key,
                         const std::string& text, bool used) {
    const Place place = Place(object)["data"][key];
    Diagnostics inside;
    sharing::PluginSetup setup;
    setup.config = codec::read_plugin_config(text, object.file, inside);
    for (Diagnostic finding : inside.list()) {
      finding.what = fmt::format("in the text of {}: {}", key, finding.what);
      finding.where = inner_place(place, text, finding.where);
      finding.fix.clear();  // their bytes count from the text's begin
      Diagnostics one;
      one.add(std::move(finding));
      context_.findings.append(one);
    }
    if (inside.has_errors()) return;
    if (const auto good = sharing::check_config(setup); !good && !used)
      context_.findings.error(
          place, {"plugin-does-not-start",
                  fmt::format("no device plugin starts with this: {}", good.error().message), ""});
    if (!used && !context_.world.clusters.empty() && !context_.world.has_node_pools)
      context_.findings.warning(
          place, place.key(),
          {"plugin-config-unused",
           fmt::format(
               "no device plugin of these files reads ConfigMap {}: GPUs will not be shared",
               object.metadata.name),
           "mount it into the plugin's DaemonSet and set CONFIG_FILE, as the Helm value "
           "config.name "
           "does"});
  }

  // A place inside a block text, in the file: the text begins on the line below its "|".
  static Span inner_place(const Place& place, const std::string& text, Span inside) {
    const Span outer = place.where();
    const bool block = outer.end - outer.begin > text.size() && inside.line != 0;
    if (!block) return outer;
    return {outer.line + inside.line, place.key().column + 1 + inside.column, outer.begin,
            outer.begin};
  }

  const Context& context_;
  std::vector<Offered> offered_;
  std::vector<std::string> used_;  // ConfigMaps that plugins read
};

}  // namespace

void check_device_plugins(const Context& context) {
  PluginChecks(context).run();
}

}  // namespace gputide::checking
