#include "decide/placement/policy.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace gputide::placement {
namespace {

constexpr double kMaxCpu = 128000, kMaxGpu = 8000;  // the artifact's norms

// Tide's weights, chosen on the traces of the paper: a stranded GPU counts 3/10 of a fragment, a
// lost room 60 times.
constexpr std::int64_t kStep = 120, kStrandedTenths = 3, kLossTenths = 600;

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

// The device with the least room that is enough (first of equals); whole devices in order.
unsigned tightest(const Node& node, const Pod& pod) {
  unsigned devices = 0;
  int best = -1, wanted = pod.gpus;
  for (int d = 0; d < node.gpus && wanted > 0; ++d) {
    if (node.left[d] < pod.gpu_milli) continue;
    if (pod.shares()) {
      if (best < 0 || node.left[d] < node.left[best]) best = d;
    } else {
      devices |= 1U << d;
      --wanted;
    }
  }
  return best >= 0 ? 1U << best : devices;
}

std::int64_t dot_product(const Node& node, const Pod& pod) {
  const double dot =
      static_cast<double>(node.cpu_milli) / kMaxCpu *
          (static_cast<double>(pod.cpu_milli) / kMaxCpu) +
      static_cast<double>(node.idle()) / kMaxGpu * (static_cast<double>(pod.gpu_total()) / kMaxGpu);
  return static_cast<std::int64_t>(100.0 * (1 - dot / 2));
}

std::int64_t best_fit(const Node& node, const Pod& pod) {
  double score = static_cast<double>(node.cpu_milli - pod.cpu_milli) / kMaxCpu * 0.5;
  score += static_cast<double>(node.idle() - pod.gpu_total()) / kMaxGpu * 0.5;
  return static_cast<std::int64_t>((1.0 - score) * 100.0);
}

std::int64_t clustering(const Node& node, unsigned held, const Pod& pod) {
  if (pod.gpus == 0) return 0;
  const std::int64_t fullness = 25 * (8 * kWholeGpu - node.idle()) / (8 * kWholeGpu);
  const unsigned own = 1U << gpu_class(pod);
  if (held == own) return fullness + 75;
  if ((held & own) != 0) return fullness + 50;
  return held == 0 ? fullness + 25 : fullness;
}

std::int64_t packing(const Node& node, const Pod& pod) {
  if (pod.gpus == 0) return 0;
  const int free = node.devices_with(kWholeGpu);
  if (free == node.gpus) return 33 - free;
  if (!pod.shares()) return std::max<std::int64_t>(50 - pod.gpus, 33);
  const std::int64_t left = node.left[std::countr_zero(tightest(node, pod))];
  if (left == kWholeGpu) return 49;
  return 100 - left * 100 / kWholeGpu / 10;
}

}  // namespace

std::string_view name(Policy policy) {
  constexpr std::array<std::string_view, kPolicies.size()> names = {
      "Random", "DotProd", "GpuClustering", "GpuPacking", "BestFit", "FGD", "Tide"};
  return names[static_cast<std::size_t>(policy)];
}

Scorer::Scorer(Policy policy, std::span<const Pod> demand)
    : policy_(policy),
      fragmentation_(typical_pods(demand, policy == Policy::Tide ? 100 : 95)),
      room_worth_(typical_pods(demand, 100)) {
  // The artifact's score is int(100 / (1 + exp(-gain / 1000))): where it steps, in exact units.
  thresholds_[0] = INT64_MIN;
  for (int s = 1; s <= 99; ++s)
    thresholds_[s] = std::llround(std::ceil(1000.0 * std::log(s / (100.0 - s)) *
                                            static_cast<double>(fragmentation_.total_weight())));
  thresholds_[100] = INT64_MAX;
}

std::int64_t Scorer::quantised(std::int64_t gain) const {
  return std::upper_bound(thresholds_.begin(), thresholds_.end(), gain) - thresholds_.begin() - 1;
}

Offer Scorer::fgd(const Node& node, const Pod& pod) const {
  const std::int64_t before = fragmentation_.of(node);
  if (!pod.shares()) {
    const unsigned devices = tightest(node, pod);
    return {quantised(before - fragmentation_.of(with(node, pod, devices))), devices};
  }
  std::array<std::int64_t, kMaxGpus> after{};
  fragmentation_.after_sharing(node, pod, after);
  Offer best{-1, 0};
  for (int d = 0; d < node.gpus; ++d) {
    if (node.left[d] < pod.gpu_milli) continue;
    const std::int64_t score = quantised(before - after[d]);
    if (score > best.score) best = {score, 1U << d};
  }
  return best;
}

// Tenths of a thousandth of a GPU that a placement gains in usable room, in steps of 120
// thousandths: among near equals the first node wins, which keeps the others whole.
Offer Scorer::tide(const Node& node, const Pod& pod) const {
  const std::int64_t weight = fragmentation_.total_weight();
  const unsigned whole = pod.shares() ? 0 : tightest(node, pod);
  std::array<std::int64_t, kMaxGpus> after{};
  if (pod.shares())
    fragmentation_.after_sharing(node, pod, after);
  else
    after[0] = fragmentation_.of(with(node, pod, whole));
  // Where the GPU comes from matters not to what is stranded: one device stands for all.
  const Node left = with(node, pod, pod.shares() ? tightest(node, pod) : whole);
  const std::int64_t common =
      10 * fragmentation_.of(node) + kStrandedTenths * weight * (stranded(node) - stranded(left));
  Offer best{INT64_MIN, 0};
  for (int d = 0; d < (pod.shares() ? node.gpus : 1); ++d) {
    if (node.left[d] < pod.gpu_milli && pod.shares()) continue;
    std::int64_t gain = common - 10 * after[d];
    if (pod.shares())
      gain -= kLossTenths * weight * room_worth_.loss(node.left[d], pod.gpu_milli) / 1000;
    const std::int64_t score = floor_divide(gain, 10 * kStep * weight);
    if (score > best.score) best = {score, pod.shares() ? 1U << d : whole};
  }
  return best;
}

Offer Scorer::offer(const Node& node, unsigned held, const Pod& pod) const {
  switch (policy_) {
    case Policy::Random:
      return {0, tightest(node, pod)};
    case Policy::DotProd:
      return {dot_product(node, pod), tightest(node, pod)};
    case Policy::GpuClustering:
      return {clustering(node, held, pod), tightest(node, pod)};
    case Policy::GpuPacking:
      return {packing(node, pod), tightest(node, pod)};
    case Policy::BestFit:
      return {best_fit(node, pod), tightest(node, pod)};
    case Policy::Fgd:
      return fgd(node, pod);
    case Policy::Tide:
      break;
  }
  return tide(node, pod);
}

}  // namespace gputide::placement
