#include "decide/placement/fragmentation.h"

#include <algorithm>
#include <map>

#include "base/check.h"

namespace gputide::placement {

std::vector<Demand> typical_pods(std::span<const Pod> pods, std::int64_t percent) {
  std::map<Pod, std::int64_t> counts;
  for (Pod pod : pods) {
    pod.memory_mib = 0;
    ++counts[pod];
  }
  std::vector<Demand> kinds;
  for (const auto& [pod, count] : counts) kinds.push_back({pod, count});
  std::sort(kinds.begin(), kinds.end(), [](const Demand& a, const Demand& b) {
    return a.weight != b.weight ? a.weight > b.weight : b.pod < a.pod;
  });
  const auto all = static_cast<std::int64_t>(pods.size());
  std::int64_t covered = 0;
  std::size_t kept = 0;
  while (kept < kinds.size() && covered * 100 < all * percent) covered += kinds[kept++].weight;
  kinds.resize(kept);
  return kinds;
}

Fragmentation::Fragmentation(std::span<const Demand> typical) {
  std::vector<std::int64_t> sizes;
  for (const Demand& d : typical) {
    GPUTIDE_CHECK(d.weight > 0);
    total_weight_ += d.weight;
    cpus_.push_back(d.pod.cpu_milli);
    if (d.pod.gpus == 1) sizes.push_back(d.pod.gpu_milli);
  }
  for (auto* list : {&cpus_, &sizes}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  for (std::int64_t milli = 0; milli <= kWholeGpu; ++milli)
    size_index_.push_back(static_cast<std::uint16_t>(
        std::upper_bound(sizes.begin(), sizes.end(), milli) - sizes.begin()));
  for (unsigned model = 0; model < rows_.size(); ++model) {
    for (std::size_t level = 0; level <= cpus_.size(); ++level) {
      Row& row = rows_[model].emplace_back();
      row.one.resize(sizes.size() + 1);
      for (const Demand& d : typical) {
        if ((d.pod.models >> model & 1) == 0 || d.pod.gpus == 0) continue;
        if (level == 0 || d.pod.cpu_milli > cpus_[level - 1]) continue;
        if (d.pod.gpus == 1)
          for (std::size_t i = size_index_[d.pod.gpu_milli]; i < row.one.size(); ++i)
            row.one[i] += d.weight;
        else
          for (int n = d.pod.gpus; n <= kMaxGpus; ++n) row.many[n] += d.weight;
      }
    }
  }
}

const Fragmentation::Row& Fragmentation::row(const Node& node, std::int64_t cpu_milli) const {
  const auto level = std::upper_bound(cpus_.begin(), cpus_.end(), cpu_milli) - cpus_.begin();
  return rows_[node.model][level];
}

std::int64_t Fragmentation::of(const Node& node) const {
  const Row& r = row(node, node.cpu_milli);
  std::int64_t idle = 0, usable = 0;
  int whole = 0;
  for (int d = 0; d < node.gpus; ++d) {
    const std::int64_t left = node.left[d];
    idle += left;
    usable += left * r.one[size_index_[left]];
    whole += left == kWholeGpu ? 1 : 0;
  }
  return idle * total_weight_ - usable - whole * kWholeGpu * r.many[whole];
}

void Fragmentation::after_sharing(const Node& node, const Pod& pod,
                                  std::array<std::int64_t, kMaxGpus>& out) const {
  const Row& r = row(node, node.cpu_milli - pod.cpu_milli);
  std::int64_t idle = 0, usable = 0;
  std::array<std::int64_t, kMaxGpus> part{};
  int whole = 0;
  for (int d = 0; d < node.gpus; ++d) {
    const std::int64_t left = node.left[d];
    idle += left;
    part[d] = left * r.one[size_index_[left]];
    usable += part[d];
    whole += left == kWholeGpu ? 1 : 0;
  }
  for (int d = 0; d < node.gpus; ++d) {
    const std::int64_t left = node.left[d] - pod.gpu_milli;
    if (left < 0) continue;
    const int free = whole - (node.left[d] == kWholeGpu ? 1 : 0);
    out[d] = (idle - pod.gpu_milli) * total_weight_ -
             (usable - part[d] + left * r.one[size_index_[left]]) - free * kWholeGpu * r.many[free];
  }
}

}  // namespace gputide::placement
