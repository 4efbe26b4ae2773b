#include "decide/scaling/utilization.h"

#include <fmt/core.h>

#include "decide/scaling/pods.h"
#include "decide/scaling/template_node.h"
#include "model/pod_requests.h"

namespace gputide::scaling {
namespace {

using model::Node;

// Pods next to each other that ask for the same and count alike.
struct Run {
  const model::PodSpec* spec = nullptr;
  bool ignored = false;
  std::int64_t pods = 0;
};

std::vector<Run> runs_of(std::span<const PodRef> pods, std::span<const state::PodEntry> entries,
                         const UtilizationOptions& options, Instant now) {
  std::vector<Run> runs;
  std::size_t last = 0;  // the last pod of the last run
  const auto asks_as_last = [&](std::size_t i) {
    return entries.empty() ? pods[i]->spec.identity() != nullptr &&
                                 pods[i]->spec.identity() == pods[last]->spec.identity()
                           : entries[i].spec == entries[last].spec;
  };
  for (std::size_t i = 0; i < pods.size(); ++i) {
    const bool ignored = (options.ignore_daemonsets && is_daemonset_pod(*pods[i])) ||
                         (options.ignore_mirror_pods && is_mirror_pod(*pods[i]));
    const bool may_be_going = entries.empty() || entries[i].terminating;
    if (!ignored && may_be_going && is_long_terminating(*pods[i], now)) continue;
    if (runs.empty() || runs.back().ignored != ignored || !asks_as_last(i))
      runs.push_back({&*pods[i]->spec, ignored});
    ++runs.back().pods;
    last = i;
  }
  return runs;
}

// The share of one resource that the pods ask for.
Result<double> share(const Node& node, const std::vector<Run>& runs, const std::string& resource) {
  const auto allocatable = node.status.allocatable.find(resource);
  if (allocatable == node.status.allocatable.end())
    return fail(fmt::format("failed to get {} from {}", resource, node.metadata.name));
  if (allocatable->second.milli_value() == 0)
    return fail(fmt::format("{} is 0 at {}", resource, node.metadata.name));
  Quantity asked = Quantity::from_value(0);
  Quantity ignored = Quantity::from_value(0);
  for (const Run& run : runs) {
    Quantity sum = model::pod_request(*run.spec, resource);
    sum.mul(run.pods);
    (run.ignored ? ignored : asked).add(sum);
  }
  return static_cast<double>(asked.milli_value()) /
         static_cast<double>(allocatable->second.milli_value() - ignored.milli_value());
}

}  // namespace

std::string gpu_resource_of(const Node& node, const Semantics& semantics) {
  for (const auto& [name, amount] : node.status.allocatable)
    if (is_gpu_resource(name, semantics) && !amount.is_zero()) return name;
  return node.metadata.labels.contains(std::string(kGpuLabel)) ? std::string(kNvidiaGpu)
                                                               : std::string();
}

Result<Utilization> utilization(const Node& node, std::span<const PodRef> pods,
                                std::span<const state::PodEntry> entries,
                                const UtilizationOptions& options, Instant now) {
  const std::vector<Run> runs = runs_of(pods, entries, options, now);
  Utilization result;
  const std::string gpu = gpu_resource_of(node, options.semantics);
  if (!gpu.empty()) {
    result.gpu = share(node, runs, gpu).value_or(0.0);
    result.dominant = gpu;
    result.value = result.gpu;
    result.of_gpu = true;
    return result;
  }
  const Result<double> cpu = share(node, runs, "cpu");
  if (!cpu) return tl::unexpected(cpu.error());
  const Result<double> memory = share(node, runs, "memory");
  if (!memory) return tl::unexpected(memory.error());
  result.cpu = *cpu;
  result.memory = *memory;
  result.dominant = *cpu > *memory ? "cpu" : "memory";
  result.value = *cpu > *memory ? *cpu : *memory;
  return result;
}

}  // namespace gputide::scaling
