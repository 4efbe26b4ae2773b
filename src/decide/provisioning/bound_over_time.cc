#include <algorithm>
#include <bit>
#include <set>

#include "decide/provisioning/bound.h"
#include "decide/provisioning/bound_rows.h"

namespace gputide::provisioning {
namespace {

struct Change {
  Instant at;
  std::uint32_t demand_class;
  std::int32_t by;
};

std::vector<Change> changes_of(const PlacementProblem& problem,
                               std::span<const RunningSpan> spans) {
  std::vector<Change> out;
  out.reserve(spans.size() * 2);
  for (const RunningSpan& span : spans) {
    if (span.to <= span.from || span.demand_class >= problem.classes.size()) continue;
    out.push_back({span.from, span.demand_class, 1});
    out.push_back({span.to, span.demand_class, -1});
  }
  std::sort(out.begin(), out.end(), [](const Change& a, const Change& b) {
    if (a.at != b.at) return a.at < b.at;
    return a.demand_class != b.demand_class ? a.demand_class < b.demand_class : a.by < b.by;
  });
  return out;
}

// Certificates hold for any number of pods, so a few, made for moments that differ in kind (which
// classes run, how many by powers of two), bound every moment.
class Certificates {
 public:
  explicit Certificates(const PlacementProblem& problem) : problem_(problem) {}

  void learn(const std::vector<std::int64_t>& counts) {
    if (pod_prices_.size() >= kMost) return;
    std::vector<int> kind;
    kind.reserve(counts.size());
    for (const std::int64_t n : counts)
      kind.push_back(static_cast<int>(std::bit_width(static_cast<std::uint64_t>(n))));
    if (!known_.insert(kind).second) return;
    for (std::size_t k = 0; k < counts.size(); ++k) problem_.classes[k].count = counts[k];
    std::vector<double> prices = lower_bound(problem_).pod_price;
    if (std::find(pod_prices_.begin(), pod_prices_.end(), prices) == pod_prices_.end())
      pod_prices_.push_back(std::move(prices));
  }

  const std::vector<std::vector<double>>& pod_prices() const { return pod_prices_; }

 private:
  static constexpr std::size_t kMost = 64;
  PlacementProblem problem_;
  std::set<std::vector<int>> known_;
  std::vector<std::vector<double>> pod_prices_;
};

}  // namespace

Money lower_bound_over_time(const PlacementProblem& problem, std::span<const RunningSpan> spans) {
  const std::vector<Change> changes = changes_of(problem, spans);
  std::vector<std::int64_t> counts(problem.classes.size(), 0);
  Certificates certificates(problem);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    counts[changes[i].demand_class] += changes[i].by;
    if (i + 1 < changes.size() && changes[i + 1].at != changes[i].at) certificates.learn(counts);
  }

  const WholeNodes whole(problem);
  std::vector<bool> present(problem.classes.size(), false);
  std::fill(counts.begin(), counts.end(), 0);
  Money total;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const std::uint32_t k = changes[i].demand_class;
    counts[k] += changes[i].by;
    present[k] = counts[k] > 0;
    if (i + 1 == changes.size() || changes[i + 1].at == changes[i].at) continue;
    double dollars = 0;
    std::vector<double> worth(counts.size(), 0.0);
    for (const std::vector<double>& prices : certificates.pod_prices()) {
      double sum = 0;
      for (std::size_t c = 0; c < counts.size(); ++c)
        sum += prices[c] * static_cast<double>(counts[c]);
      if (sum <= dollars) continue;
      dollars = sum;
      for (std::size_t c = 0; c < counts.size(); ++c)
        worth[c] = prices[c] * static_cast<double>(counts[c]);
    }
    const Money proved = Money::micros(static_cast<std::int64_t>(dollars * 1e6 * (1 - 1e-12)));
    total += cost(whole.raise(proved, present, worth), changes[i + 1].at - changes[i].at);
  }
  return total;
}

}  // namespace gputide::provisioning
