#include "decide/scaling/price_score.h"

#include <algorithm>

#include "decide/scaling/pods.h"
#include "model/pod_requests.h"

namespace gputide::scaling {
namespace {

// Dollars an hour, about what general purpose instances and the smallest GPU instances cost on
// demand.
constexpr std::int64_t kMicrosPerVcpu = 31'000;
constexpr std::int64_t kMicrosPerGib = 4'100;
constexpr std::int64_t kMicrosPerGpu = 400'000;
constexpr std::int64_t kBytesPerGib = std::int64_t{1} << 30;
// Every pod is worth something, or pods without requests would make any option infinitely dear.
constexpr std::int64_t kMicrosPerPod = 100;

__int128 micros_of(const model::ResourceList& amounts) {
  static const Semantics kOurs = Semantics::gputide();
  __int128 micros = 0;
  for (const auto& [name, amount] : amounts) {
    if (name == "cpu")
      micros += static_cast<__int128>(amount.milli_value()) * kMicrosPerVcpu / 1000;
    else if (name == "memory")
      micros += static_cast<__int128>(amount.value()) * kMicrosPerGib / kBytesPerGib;
    else if (is_gpu_resource(name, kOurs))
      micros += static_cast<__int128>(amount.value()) * kMicrosPerGpu;
  }
  return micros;
}

// A cost and what is had for it, compared without rounding.
struct Ratio {
  __int128 cost = 0;
  __int128 value = 1;
  std::int64_t nodes = 0;
};

int compare(const Ratio& a, const Ratio& b) {
  const __int128 left = a.cost * b.value;
  const __int128 right = b.cost * a.value;
  if (left != right) return left < right ? -1 : 1;
  return a.nodes < b.nodes ? -1 : a.nodes > b.nodes ? 1 : 0;
}

Ratio ratio_of(const ExpansionOption& option, bool priced) {
  Ratio ratio;
  ratio.nodes = option.node_count;
  ratio.value = reference_value(option.pods).micros();
  ratio.cost = priced ? static_cast<__int128>(option.price_per_hour->micros())
                      : micros_of(option.node->node.status.capacity);
  ratio.cost *= option.node_count;
  return ratio;
}

}  // namespace

Money reference_value(std::span<const PodRef> pods) {
  __int128 micros = 1;
  for (const PodRef& pod : pods) micros += micros_of(model::pod_requests(*pod)) + kMicrosPerPod;
  return Money::micros(static_cast<std::int64_t>(micros));
}

Survivors cheapest(std::span<const ExpansionOption> options, const Survivors& among) {
  const bool priced = std::any_of(among.begin(), among.end(), [&](std::size_t i) {
    return options[i].price_per_hour.has_value();
  });
  Survivors best;
  Ratio least;
  for (const std::size_t i : among) {
    const ExpansionOption& option = options[i];
    if (option.node_count <= 0) continue;
    if (priced ? !option.price_per_hour : option.node == nullptr) continue;
    const Ratio ratio = ratio_of(option, priced);
    const int order = best.empty() ? -1 : compare(ratio, least);
    if (order < 0) {
      best.clear();
      least = ratio;
    }
    if (order <= 0) best.push_back(i);
  }
  return best;
}

}  // namespace gputide::scaling
