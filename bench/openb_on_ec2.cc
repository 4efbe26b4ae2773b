#include "openb_on_ec2.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "decide/pricing/allocatable.h"
#include "decide/pricing/catalogue.h"

namespace gputide::provisioning {
namespace {

constexpr const char* kPods = "../shared/data/openb/openb_pod_list_default.csv";

struct Pods {
  std::int64_t cpu_milli, memory_mib, gpus, gpu_milli;
  auto operator<=>(const Pods&) const = default;
};

// Alike pods, and how many of them.
std::map<Pods, std::int64_t> read_pods() {
  std::map<Pods, std::int64_t> out;
  std::ifstream in(kPods);
  std::string line, name;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::getline(fields, name, ',');
    std::array<std::int64_t, 4> value{};
    for (std::int64_t& each : value) {
      std::getline(fields, name, ',');
      each = std::stoll(name);
    }
    if (value[2] != 1) value[3] = value[2] > 1 ? 1000 : 0;
    ++out[{value[0], value[1], value[2], value[3]}];
  }
  return out;
}

// NVIDIA types for amd64 that AWS sells with whole GPUs in us-east-1, on demand; what EKS leaves of
// them to pods.
NodeKind nvidia_types() {
  NodeKind kind;
  const pricing::Catalogue& catalogue = pricing::Catalogue::builtin();
  for (const model::InstanceType& type : catalogue.all()) {
    const auto price = catalogue.on_demand("us-east-1", type.name);
    if (!type.has_nvidia() || type.gpu_count == 0 || type.arch != "amd64" || !price ||
        type.status != model::InstanceType::Status::Listed)
      continue;
    const pricing::NodeSize size = pricing::node_sizes(type).allocatable;
    PackOffer offer;
    offer.capacity = {size.cpu_milli, size.memory_bytes, size.pods, type.gpu_count};
    offer.price = price->per_hour;
    kind.offers.push_back(offer);
  }
  std::stable_sort(kind.offers.begin(), kind.offers.end(),
                   [](const auto& a, const auto& b) { return a.price < b.price; });
  for (std::uint32_t t = 0; t < kind.offers.size(); ++t) kind.offers[t].type = t;
  return kind;
}

}  // namespace

PackProblem openb(std::int64_t scale, GpuParts parts) {
  constexpr std::uint32_t kGpus = 3;
  PackProblem p;
  p.dimensions = 4;
  if (parts == GpuParts::Shared) p.gpus = kGpus;
  p.pools.resize(1);
  const auto pods = read_pods();
  p.kinds = {pods.empty() ? NodeKind() : nvidia_types()};
  if (pods.empty()) return p;
  std::vector<std::uint64_t> all((p.kinds[0].offers.size() + 63) / 64, ~std::uint64_t{0});
  all.back() = (std::uint64_t{1} << p.kinds[0].offers.size() % 64) - 1;
  for (const auto& [pod, count] : pods) {
    PackClass c;
    c.demand = {pod.cpu_milli, pod.memory_mib << 20, 1, pod.gpus};
    if (parts == GpuParts::Shared && pod.gpu_milli < 1000) c.share = pod.gpu_milli;
    c.count = count * scale;
    c.offers = {all};
    p.classes.push_back(c);
  }
  return p;
}

}  // namespace gputide::provisioning
