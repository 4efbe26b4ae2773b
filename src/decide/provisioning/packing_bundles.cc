#include "decide/provisioning/packing_bundles.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

#include "decide/provisioning/node_content.h"
#include "decide/provisioning/shared_gpus.h"

namespace gputide::provisioning {
namespace {

constexpr int kTurns = 4;   // bundles found for one node
constexpr int kSteps = 30;  // of the search for its content
constexpr std::size_t kAnswers = 8;
constexpr std::int64_t kProgramWork = 10;  // a small linear program looks so often at every item
constexpr double kMore = 1 + 1e-6;         // so much is more

}  // namespace

Bundles::Bundles(const PlacementProblem& problem, const Shares& shares)
    : problem_(problem),
      shares_(shares),
      cell_(kGpuThousandths),
      on_(problem.offers.size()),
      value_(problem.classes.size(), 0.0),
      program_(problem.dimensions) {
  items_.dimensions = problem.dimensions;
  items_.offers = problem.offers;
  for (std::uint32_t k = 0; k < problem.classes.size(); ++k) {
    cell_ = std::gcd(cell_, share(k));
    add({{k, 1}});
  }
}

double Bundles::worth(const Pods& pods) const {
  double sum = 0;
  for (const auto& [k, n] : pods) sum += value_[k] * static_cast<double>(n);
  return sum;
}

// Makes an item of what pods ask together; it may be where all of them may.
void Bundles::add(Pods pods) {
  if (!known_.insert(pods).second) return;
  DemandClass item{std::vector<std::int64_t>(problem_.dimensions, 0),
                   std::numeric_limits<std::int64_t>::max(),
                   problem_.classes[pods.front().first].offers};
  for (const auto& [k, n] : pods) {
    const DemandClass& each = problem_.classes[k];
    for (std::size_t r = 0; r < problem_.dimensions; ++r) item.demand[r] += each.demand[r] * n;
    item.count = std::min(item.count, each.count / n);
    std::erase_if(item.offers, [&](std::uint32_t t) {
      return std::find(each.offers.begin(), each.offers.end(), t) == each.offers.end();
    });
  }
  if (share(pods.front().first) > 0) item.demand[shares_.dimension] = kGpuUnits;
  for (const std::uint32_t t : item.offers) {
    bool fits = item.count > 0;
    for (std::size_t r = 0; r < problem_.dimensions; ++r)
      fits = fits && item.demand[r] <= problem_.offers[t].capacity[r];
    if (fits) on_[t].push_back(static_cast<std::uint32_t>(pods_.size()));
  }
  items_.classes.push_back(std::move(item));
  worth_.push_back(worth(pods));
  pods_.push_back(std::move(pods));
}

// Fills the node with parts of items: what its capacity is worth then.
bool Bundles::price_node(std::uint32_t offer) {
  const std::vector<std::int64_t>& capacity = problem_.offers[offer].capacity;
  std::vector<double> part(capacity.size());
  program_.clear();
  work_ += kProgramWork * static_cast<std::int64_t>(on_[offer].size() * part.size());
  for (const std::uint32_t i : on_[offer]) {
    for (std::size_t r = 0; r < part.size(); ++r)
      part[r] = static_cast<double>(items_.classes[i].demand[r]) /
                static_cast<double>(std::max<std::int64_t>(capacity[r], 1));
    program_.add_pod(part, worth_[i]);
  }
  return program_.solve(std::vector<double>(part.size(), 1.0), unit_);
}

// By cells of a GPU: the class of that size whose pod is worth most beyond what it takes of the
// rest of the node.
std::vector<Bundles::Cut> Bundles::best_cuts(std::uint32_t offer) const {
  std::vector<Cut> out(static_cast<std::size_t>(kGpuThousandths / cell_) + 1);
  const std::vector<std::int64_t>& capacity = problem_.offers[offer].capacity;
  for (const std::uint32_t k : on_[offer]) {
    if (k >= problem_.classes.size()) break;  // items from here on are bundles
    if (shares_.thousandths[k] == 0) continue;
    double more = value_[k];
    for (std::size_t r = 0; r < capacity.size(); ++r)
      if (const std::int64_t asks = problem_.classes[k].demand[r];
          asks > 0 && r != shares_.dimension)
        more -= unit_[r] * static_cast<double>(asks) / static_cast<double>(capacity[r]);
    Cut& best = out[static_cast<std::size_t>(shares_.thousandths[k] / cell_)];
    if (more > best.worth) best = {more, k};
  }
  return out;
}

// The bundle that is worth most beyond what it takes of the node; false when that is nothing, or it
// is known.
bool Bundles::add_best(std::uint32_t offer) {
  if (shares_.thousandths.empty()) return false;
  const std::int64_t units = problem_.offers[offer].capacity[shares_.dimension];
  if (units < kGpuUnits) return false;
  const std::vector<Cut> cuts = best_cuts(offer);
  std::vector<double> best(cuts.size(), 0.0);
  std::vector<std::size_t> last(cuts.size(), 0);  // size of the cut, in cells
  for (std::size_t room = 1; room < cuts.size(); ++room) {
    best[room] = best[room - 1];
    for (std::size_t size = 1; size <= room; ++size)
      if (cuts[size].worth > 0 && best[room - size] + cuts[size].worth > best[room] + 1e-12) {
        best[room] = best[room - size] + cuts[size].worth;
        last[room] = size;
      }
  }
  const double gpu =
      unit_[shares_.dimension] * static_cast<double>(kGpuUnits) / static_cast<double>(units);
  if (best.back() <= gpu * kMore + 1e-9) return false;
  std::map<std::uint32_t, std::int64_t> times;
  for (std::size_t room = cuts.size() - 1; room > 0; room -= std::max<std::size_t>(last[room], 1))
    if (const std::uint32_t k = cuts[last[room]].of;
        last[room] > 0 && times[k] < problem_.classes[k].count)
      ++times[k];
  const std::size_t before = pods_.size();
  add(Pods(times.begin(), times.end()));
  return pods_.size() > before;
}

std::vector<std::uint32_t> Bundles::unpacked(
    const std::vector<std::pair<std::uint32_t, double>>& items) {
  std::vector<std::uint32_t> out;
  for (const auto& [item, times] : items)
    for (const auto& [k, n] : pods_[item])
      out.insert(out.end(), static_cast<std::size_t>(n * static_cast<std::int64_t>(times)), k);
  return out;
}

std::vector<std::vector<std::uint32_t>> Bundles::worthy(std::uint32_t offer,
                                                        const std::vector<double>& value) {
  value_ = value;
  for (std::size_t i = 0; i < pods_.size(); ++i) worth_[i] = worth(pods_[i]);
  for (int turn = 0; turn < kTurns; ++turn) {
    if (!price_node(offer)) return {};
    if (!add_best(offer)) break;
  }
  const double enough = problem_.offers[offer].price.to_dollars() * kMore;
  if (std::accumulate(unit_.begin(), unit_.end(), 0.0) <= enough) return {};
  ContentSearch search(items_, offer, on_[offer]);
  search.run(worth_, enough, kSteps);
  work_ += search.work();
  std::vector<Content>& found = search.found();
  std::stable_sort(found.begin(), found.end(),
                   [](const Content& a, const Content& b) { return a.worth > b.worth; });
  std::vector<std::vector<std::uint32_t>> out;
  double last = -1;  // what is worth as much is most often the same
  for (const Content& content : found) {
    if (content.worth == last) continue;
    last = content.worth;
    out.push_back(unpacked(content.pods));
    if (out.size() == kAnswers) break;
  }
  return out;
}

}  // namespace gputide::provisioning
