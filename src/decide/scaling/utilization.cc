#include "decide/scaling/utilization.h"

#include <fmt/core.h>

#include "decide/scaling/pods.h"
#include "decide/scaling/template_node.h"
#include "model/pod_requests.h"

namespace gputide::scaling {
namespace {

using model::Node;

// The share of one resource that the pods ask for.
Result<double> share(const Node& node, std::span<const PodRef> pods, const std::string& resource,
                     const UtilizationOptions& options, Instant now) {
  const auto allocatable = node.status.allocatable.find(resource);
  if (allocatable == node.status.allocatable.end())
    return fail(fmt::format("failed to get {} from {}", resource, node.metadata.name));
  if (allocatable->second.milli_value() == 0)
    return fail(fmt::format("{} is 0 at {}", resource, node.metadata.name));
  Quantity asked = Quantity::from_value(0);
  Quantity ignored = Quantity::from_value(0);
  const void* spec = nullptr;  // pods next to each other often share one
  model::ResourceList requests;
  auto amount = requests.end();
  for (const PodRef& pod : pods) {
    if (spec == nullptr || spec != pod->spec.identity()) {
      spec = pod->spec.identity();
      requests = model::pod_requests(*pod);
      amount = requests.find(resource);
    }
    if (amount == requests.end()) continue;
    if ((options.ignore_daemonsets && is_daemonset_pod(*pod)) ||
        (options.ignore_mirror_pods && is_mirror_pod(*pod)))
      ignored.add(amount->second);
    else if (!is_long_terminating(*pod, now))
      asked.add(amount->second);
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
                                const UtilizationOptions& options, Instant now) {
  Utilization result;
  const std::string gpu = gpu_resource_of(node, options.semantics);
  if (!gpu.empty()) {
    result.gpu = share(node, pods, gpu, options, now).value_or(0.0);
    result.dominant = gpu;
    result.value = result.gpu;
    return result;
  }
  const Result<double> cpu = share(node, pods, "cpu", options, now);
  if (!cpu) return tl::unexpected(cpu.error());
  const Result<double> memory = share(node, pods, "memory", options, now);
  if (!memory) return tl::unexpected(memory.error());
  result.cpu = *cpu;
  result.memory = *memory;
  result.dominant = *cpu > *memory ? "cpu" : "memory";
  result.value = *cpu > *memory ? *cpu : *memory;
  return result;
}

}  // namespace gputide::scaling
