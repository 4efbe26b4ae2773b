#include "control/provisioner/options.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/text.h"

namespace gputide::provisioner {
namespace {

// Karpenter's settings about its own process, and gates of what is not there.
constexpr std::array kPassedOver = {"aws-feature-gates",
                                    "ami-refresh-interval",
                                    "cluster-ca-bundle",
                                    "cluster-endpoint",
                                    "cpu-requests",
                                    "disable-cluster-state-observability",
                                    "disable-leader-election",
                                    "eks-control-plane",
                                    "enable-profiling",
                                    "health-probe-port",
                                    "ignore-dra-requests",
                                    "isolated-vpc",
                                    "karpenter-service",
                                    "kube-client-burst",
                                    "kube-client-qps",
                                    "leader-elect",
                                    "leader-election-name",
                                    "leader-election-namespace",
                                    "log-error-output-paths",
                                    "log-level",
                                    "log-output-paths",
                                    "memory-limit",
                                    "metrics-port",
                                    "min-values-policy",
                                    "preference-policy",
                                    "reserved-enis",
                                    "scheduler-config",
                                    "subnet-refresh-interval",
                                    "vm-memory-overhead-percent"};

// "BATCH_IDLE_DURATION" and "--batch-idle-duration" are one setting.
std::string setting_name(std::string_view name) {
  while (name.starts_with('-')) name.remove_prefix(1);
  std::string lower = to_lower(name);
  std::replace(lower.begin(), lower.end(), '_', '-');
  return lower;
}

// "NodeRepair=true,StaticCapacity=true"; gates that are not ours are passed over.
Result<bool> set_gates(Options& options, const std::string& value) {
  for (const std::string_view each : split(value, ',')) {
    const std::size_t equal = each.find('=');
    if (trim(each).empty()) continue;
    const std::string_view name = trim(each.substr(0, equal));
    const std::string_view on =
        equal == each.npos ? std::string_view() : trim(each.substr(equal + 1));
    if (on != "true" && on != "false")
      return fail(fmt::format("--feature-gates: {} is neither true nor false", each));
    if (name == "NodeRepair") options.node_repair = on == "true";
    if (name == "NodeOverlay") options.node_overlay = on == "true";
    if (name == "ReservedCapacity") options.reserved_capacity = on == "true";
    if (name == "StaticCapacity") options.static_capacity = on == "true";
  }
  return true;
}

// False: no such setting.
Result<bool> set(Options& options, const std::string& name, const std::string& value) {
  const auto duration = [&](Duration& into) -> Result<bool> {
    const Result<Duration> read = Duration::parse(value);
    if (!read) return fail(fmt::format("--{}: {}", name, read.error().message));
    into = *read;
    return true;
  };
  if (name == "batch-idle-duration") return duration(options.batch_idle);
  if (name == "batch-max-duration") return duration(options.batch_max);
  if (name == "registration-deadline") return duration(options.registration);
  if (name == "initialization-deadline") return duration(options.initialization);
  if (name == "feature-gates") return set_gates(options, value);
  if (name == "cluster-name") return options.cluster_name = value, true;
  if (name == "interruption-queue") return options.interruption_queue = value, true;
  return false;
}

}  // namespace

Result<Options> parse_options(std::span<const std::string> flags,
                              std::span<const std::string> environment) {
  Options options;
  for (const std::string& variable : environment) {
    const std::size_t equal = variable.find('=');
    if (equal == std::string::npos) continue;
    const auto done =
        set(options, setting_name(variable.substr(0, equal)), variable.substr(equal + 1));
    if (!done) return tl::unexpected(done.error());
  }
  for (std::size_t i = 0; i < flags.size(); ++i) {
    std::size_t equal = flags[i].find('=');
    const std::string name = setting_name(flags[i].substr(0, equal));
    std::string value = equal == std::string::npos ? "" : flags[i].substr(equal + 1);
    if (equal == std::string::npos && i + 1 < flags.size() && !flags[i + 1].starts_with('-'))
      value = flags[++i];
    const auto done = set(options, name, value);
    if (!done) return tl::unexpected(done.error());
    if (!*done && std::find(kPassedOver.begin(), kPassedOver.end(), name) == kPassedOver.end())
      return fail(fmt::format("unknown flag: --{}", name));
  }
  return options;
}

}  // namespace gputide::provisioner
