#include "decide/sharing/device_plugin.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/diagnostic.h"
#include "base/text.h"
#include "codec/objects.h"

namespace gputide::sharing {
namespace {

/// "k8s-device-plugin" of "nvcr.io/nvidia/k8s-device-plugin:v0.17.1@sha256:...".
std::string_view image_name(std::string_view image) {
  image = image.substr(0, image.find('@'));
  const std::size_t slash = image.rfind('/');
  if (slash != std::string_view::npos) image = image.substr(slash + 1);
  return image.substr(0, image.find(':'));
}

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

constexpr std::string_view kPrograms[] = {"nvidia-device-plugin", "gpu-feature-discovery",
                                          "mps-control-daemon",   "config-manager",
                                          "gputide-agent",        "aws-virtual-gpu-device-plugin"};

/// The one of kPrograms that a container runs: by its command, else by its image; "" for others.
std::string_view program_of(const model::Container& container) {
  std::string_view image = image_name(container.image);
  if (image == "k8s-device-plugin") image = "nvidia-device-plugin";
  const std::string_view command =
      container.command.empty() ? std::string_view() : base_name(container.command.front());
  for (const std::string_view name : {command, image})
    for (const std::string_view known : kPrograms)
      if (name.starts_with(known)) return known;
  return {};
}

struct Program {
  const model::Container* container = nullptr;
  std::string_view name;
};

/// The container that makes the pod what it is.
Program main_program(const model::PodSpec& pod) {
  for (const model::Container& container : pod.containers) {
    const std::string_view name = program_of(container);
    if (!name.empty() && name != "config-manager") return {&container, name};
  }
  return {};
}

const model::Container* config_manager(const model::PodSpec& pod) {
  for (const auto* list : {&pod.initContainers, &pod.containers})
    for (const model::Container& container : *list)
      if (program_of(container) == "config-manager") return &container;
  return nullptr;
}

/// The value of an option: arguments win over environment variables. Arguments may begin with one
/// dash or two and stand as "--name=value" or "--name value".
class Options {
 public:
  explicit Options(const model::Container& container) : container_(container) {
    if (!container.command.empty())
      words_.assign(container.command.begin() + 1, container.command.end());
    words_.insert(words_.end(), container.args.begin(), container.args.end());
  }

  std::optional<std::string> flag(std::initializer_list<std::string_view> names) const {
    std::optional<std::string> found;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      std::string_view word = words_[i];
      if (!word.starts_with('-')) continue;
      word.remove_prefix(word.starts_with("--") ? 2 : 1);
      const std::size_t equals = word.find('=');
      const std::string_view name = word.substr(0, equals);
      if (std::find(names.begin(), names.end(), name) == names.end()) continue;
      if (equals != std::string_view::npos)
        found = word.substr(equals + 1);
      else
        found = i + 1 < words_.size() && !words_[i + 1].starts_with('-') ? words_[i + 1] : "true";
    }
    return found;
  }

  /// A variable with no text counts as absent, as for the command line library upstream uses.
  std::optional<std::string> env(std::string_view name) const {
    for (const model::EnvVar& variable : container_.env)
      if (variable.name == name && !variable.value.empty()) return variable.value;
    return std::nullopt;
  }

  std::optional<std::string> either(std::initializer_list<std::string_view> flags,
                                    std::string_view variable) const {
    auto found = flag(flags);
    return found ? found : env(variable);
  }

 private:
  const model::Container& container_;
  std::vector<std::string> words_;
};

/// Where a path of a container comes from: a ConfigMap and the rest of the path below it.
struct Mounted {
  const model::Volume* volume = nullptr;
  std::string rest;
};

Mounted mounted(const model::PodSpec& pod, const model::Container& container,
                std::string_view path) {
  Mounted found;
  std::size_t longest = 0;
  for (const model::VolumeMount& mount : container.volumeMounts) {
    std::string_view at = mount.mountPath;
    while (at.size() > 1 && at.ends_with('/')) at.remove_suffix(1);
    const bool below = path.starts_with(at) && (path.size() == at.size() || path[at.size()] == '/');
    if (!below || at.size() < longest) continue;
    for (const model::Volume& volume : pod.volumes) {
      if (volume.name != mount.name) continue;
      longest = at.size();
      found.volume = &volume;
      found.rest = path.size() > at.size() ? path.substr(at.size() + 1) : std::string_view();
      for (const model::Member& kept : mount.kept)
        if (kept.key == "subPath" && kept.value.is_string())
          found.rest = found.rest.empty() ? kept.value.as_string()
                                          : kept.value.as_string() + "/" + found.rest;
    }
  }
  return found;
}

/// The files that a ConfigMap volume has: each name and the key behind it.
std::vector<std::pair<std::string, std::string>> files_of(
    const model::ConfigMapVolumeSource& source, const model::ConfigMap& map) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const model::Member& kept : source.kept) {
    if (kept.key != "items" || !kept.value.is_list()) continue;
    for (const model::Value& item : kept.value.as_list())
      files.emplace_back(item.text_at("path"), item.text_at("key"));
    return files;
  }
  for (const auto& [key, text] : map.data) files.emplace_back(key, key);
  return files;
}

struct Chosen {
  const model::ConfigMap* map = nullptr;
  std::string name;  // namespace/name
  std::string key;   // "" = the empty configuration
};

/// The key that NVIDIA's config manager links to. Errors: a label, or a default, that names no key.
Result<std::string> manager_choice(const Options& manager,
                                   const std::vector<std::pair<std::string, std::string>>& files,
                                   const model::StringMap& node_labels, const std::string& map) {
  const auto key_of = [&](std::string_view file) -> const std::string* {
    for (const auto& [name, key] : files)
      if (name == file) return &key;
    return nullptr;
  };
  const std::string label =
      manager.either({"node-label"}, "NODE_LABEL").value_or(std::string(kConfigLabel));
  const auto labelled = node_labels.find(label);
  std::string wanted = labelled == node_labels.end() ? "" : labelled->second;
  if (wanted.empty()) wanted = manager.either({"default-config"}, "DEFAULT_CONFIG").value_or("");
  if (!wanted.empty()) {
    if (const std::string* key = key_of(wanted)) return *key;
    return fail(fmt::format(
        "ConfigMap {} has no key {}, which {} asks for", map, wanted,
        labelled == node_labels.end() ? "DEFAULT_CONFIG" : "the node's label " + label));
  }
  const std::string fallbacks =
      manager.either({"fallback-strategies"}, "FALLBACK_STRATEGIES").value_or("named,single");
  for (const std::string_view strategy : split(fallbacks, ',')) {
    const std::string_view trimmed = trim(strategy);
    if (trimmed == "named")
      if (const std::string* key = key_of("default")) return *key;
    if (trimmed == "single" && files.size() == 1) return files.front().second;
    if (trimmed == "empty") return std::string();
  }
  return fail(fmt::format(
      "ConfigMap {} has {} configurations and the node no label {}: name one of them \"default\"",
      map, files.size(), label));
}

class Resolver {
 public:
  Resolver(const model::DaemonSet& daemon_set, const FindConfigMap& find,
           const model::StringMap& node_labels)
      : pod_(*daemon_set.spec.template_.spec),
        namespace_(daemon_set.metadata.namespace_.empty() ? "default"
                                                          : daemon_set.metadata.namespace_),
        name_(daemon_set.metadata.name),
        find_(find),
        node_labels_(node_labels) {}

  Result<ResolvedPlugin> run() {
    const auto role = plugin_role(pod_);
    if (!role) return fail(fmt::format("DaemonSet {} is no GPU device plugin", name_));
    resolved_.role = *role;
    resolved_.setup.kind = role->kind;
    const Options options(*main_program(pod_).container);
    if (role->kind == PluginKind::AwsVgpu) {
      if (auto read = read_vgpus(options); !read) return tl::unexpected(read.error());
      return std::move(resolved_);
    }
    const auto path = options.either({"config-file", "config"}, "CONFIG_FILE");
    if (path)
      if (auto read = read_file(*path); !read) return tl::unexpected(read.error());
    if (auto set = override_flags(options); !set) return tl::unexpected(set.error());
    return std::move(resolved_);
  }

 private:
  Result<void> read_vgpus(const Options& options) {
    const auto text = options.flag({"vgpu"});
    if (!text) return {};
    const auto [end, error] =
        std::from_chars(text->data(), text->data() + text->size(), resolved_.setup.vgpus);
    if (error != std::errc() || end != text->data() + text->size())
      return fail(fmt::format("--vgpu={} is no number", *text));
    return {};
  }

  Result<const model::ConfigMap*> config_map(const std::string& name) {
    const model::ConfigMap* map = find_(namespace_, name);
    if (map != nullptr) return map;
    return fail(fmt::format("ConfigMap {}/{} does not exist, so the pods of {} wait for it",
                            namespace_, name, name_));
  }

  /// The ConfigMap and key behind the config file's path.
  Result<Chosen> choose(const std::string& path) {
    const Mounted direct = mounted(pod_, *main_program(pod_).container, path);
    const model::Container* manager = config_manager(pod_);
    if (direct.volume != nullptr && direct.volume->configMap) {
      auto map = config_map(direct.volume->configMap->name);
      if (!map) return tl::unexpected(map.error());
      const Chosen chosen{*map, full_name(**map), {}};
      for (const auto& [file, key] : files_of(*direct.volume->configMap, **map))
        if (file == direct.rest) return Chosen{chosen.map, chosen.name, key};
      return fail(fmt::format("{} is not in ConfigMap {}", path, chosen.name));
    }
    if (manager == nullptr)
      return fail(fmt::format("{} of {} is not mounted from a ConfigMap", path, name_));
    const Options options(*manager);
    const std::string source =
        options.either({"config-file-srcdir"}, "CONFIG_FILE_SRCDIR").value_or("/available-configs");
    const Mounted available = mounted(pod_, *manager, source);
    if (available.volume == nullptr || !available.volume->configMap)
      return fail(fmt::format("{} of {} is not mounted from a ConfigMap", source, name_));
    auto map = config_map(available.volume->configMap->name);
    if (!map) return tl::unexpected(map.error());
    auto key = manager_choice(options, files_of(*available.volume->configMap, **map), node_labels_,
                              full_name(**map));
    if (!key) return tl::unexpected(key.error());
    return Chosen{*map, full_name(**map), *key};
  }

  std::string full_name(const model::ConfigMap& map) const {
    return fmt::format("{}/{}", namespace_, map.metadata.name);
  }

  Result<void> read_file(const std::string& path) {
    auto chosen = choose(path);
    if (!chosen) return tl::unexpected(chosen.error());
    resolved_.config_map = chosen->name;
    resolved_.config_key = chosen->key;
    if (chosen->key.empty()) return {};
    const auto text = chosen->map->data.find(chosen->key);
    if (text == chosen->map->data.end())
      return fail(fmt::format("ConfigMap {} has no key {}", chosen->name, chosen->key));
    Diagnostics diagnostics;
    resolved_.setup.config = codec::read_plugin_config(
        text->second, fmt::format("{}[{}]", chosen->name, chosen->key), diagnostics);
    for (const Diagnostic& found : diagnostics.sorted())
      if (found.severity == Severity::Error) return fail(gputide::text(found));
    return {};
  }

  Result<void> override_flags(const Options& options) {
    model::PluginFlags& flags = resolved_.setup.config.flags;
    if (auto set = options.either({"mig-strategy"}, "MIG_STRATEGY")) flags.migStrategy = *set;
    if (auto set = options.either({"mps-root"}, "MPS_ROOT")) flags.mpsRoot = *set;
    if (auto set = options.either({"fail-on-init-error"}, "FAIL_ON_INIT_ERROR"))
      flags.failOnInitError = *set == "true" || *set == "1" || *set == "t" || *set == "T";
    std::optional<std::string> policy =
        options.either({"shared-devices-allocation-policy"}, "SHARED_DEVICES_ALLOCATION_POLICY");
    if (!policy) policy = policy_of_file();
    if (!policy || *policy == "distributed") return {};
    if (*policy != "packed")
      return fail(fmt::format(
          "unknown sharedDevicesAllocationPolicy {}; write distributed or packed", *policy));
    resolved_.setup.allocation = AllocationPolicy::Packed;
    return {};
  }

  std::optional<std::string> policy_of_file() const {
    for (const model::Member& kept : resolved_.setup.config.flags.kept)
      if (kept.key == "plugin")
        if (const auto policy = kept.value.text_at("sharedDevicesAllocationPolicy");
            !policy.empty())
          return std::string(policy);
    return std::nullopt;
  }

  const model::PodSpec& pod_;
  std::string namespace_;
  std::string name_;
  const FindConfigMap& find_;
  const model::StringMap& node_labels_;
  ResolvedPlugin resolved_;
};

}  // namespace

std::optional<PluginRole> plugin_role(const model::PodSpec& pod) {
  const std::string_view name = main_program(pod).name;
  if (name == "nvidia-device-plugin") return PluginRole{PluginKind::Nvidia, true, false, false};
  if (name == "gpu-feature-discovery") return PluginRole{PluginKind::Nvidia, false, true, false};
  if (name == "mps-control-daemon") return PluginRole{PluginKind::Nvidia, false, false, true};
  if (name == "gputide-agent") return PluginRole{PluginKind::Gputide, true, true, true};
  if (name == "aws-virtual-gpu-device-plugin")
    return PluginRole{PluginKind::AwsVgpu, true, false, true};
  return std::nullopt;
}

Result<ResolvedPlugin> resolve_plugin(const model::DaemonSet& daemon_set,
                                      const FindConfigMap& find_config_map,
                                      const model::StringMap& node_labels) {
  return Resolver(daemon_set, find_config_map, node_labels).run();
}

namespace {

void add_devices(const NodeOffer& offered, Devices& devices) {
  for (const auto& [name, amount] : offered.resource_list()) devices.resources[name] = amount;
  for (const ResourceOffer& resource : offered.resources) {
    DeviceShare& share = devices.shares[resource.name] = {0, offered.parts()};
    for (const Device& device : resource.devices) share.parts = std::max(share.parts, device.parts);
  }
}

}  // namespace

Devices devices_of(const model::InstanceType& type, const model::StringMap& node_labels,
                   std::string_view node_name,
                   std::span<const std::shared_ptr<const model::DaemonSet>> daemon_sets,
                   const FindConfigMap& find_config_map) {
  Devices devices;
  if (!type.has_nvidia()) return devices;
  const auto layout = node_labels.find(std::string(kMigConfigLabel));
  for (const auto& set : daemon_sets) {
    if (!plugin_role(*set->spec.template_.spec)) continue;
    const auto refuse = [&](const Error& error) {
      devices.errors.push_back(
          fmt::format("device plugin {} on {}: {}", set->metadata.name, type.name, error.message));
    };
    const Result<ResolvedPlugin> plugin = resolve_plugin(*set, find_config_map, node_labels);
    if (!plugin) {
      refuse(plugin.error());
      continue;
    }
    const Result<NodeOffer> offered = offer(type, plugin->setup, std::string(node_name),
                                            layout == node_labels.end() ? "" : layout->second);
    if (!offered) {
      refuse(offered.error());
      continue;
    }
    if (plugin->role.offers_devices) add_devices(*offered, devices);
    if (plugin->role.publishes_labels)
      for (const auto& [key, value] : offered->labels) devices.labels[key] = value;
  }
  return devices;
}

}  // namespace gputide::sharing
