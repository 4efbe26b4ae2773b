// Deliberately by itself: this is what makes the configuration bound worth believing.
#include "decide/provisioning/content_proof.h"

#include <algorithm>
#include <limits>

#include "decide/provisioning/bound_rows.h"

namespace gputide::provisioning {
namespace {

constexpr double kNothingShown = std::numeric_limits<double>::infinity();

// Reads a proof while it fills and empties one node.
class Reader {
 public:
  Reader(const PlacementProblem& problem, std::uint32_t offer,
         std::span<const std::uint32_t> classes, const std::vector<double>& worth,
         const ContentProof& proof)
      : problem_(problem),
        classes_(classes),
        worth_(worth),
        proof_(proof),
        room_(problem.offers[offer].capacity),
        open_(problem.classes.size(), 0) {
    for (const std::uint32_t k : classes) open_[k] = 1;
  }

  double most() {
    if (next_ >= proof_.steps.size()) return kNothingShown;
    const ContentProof::Step step = proof_.steps[next_++];
    return step.branch ? branch(step.number) : leaf(step.number);
  }
  bool at_end() const { return next_ == proof_.steps.size(); }

 private:
  std::int64_t fitting(std::size_t k) const {
    if (open_[k] == 0) return 0;
    std::int64_t most = problem_.classes[k].count;
    for (std::size_t r = 0; r < problem_.dimensions; ++r)
      if (const std::int64_t each = problem_.classes[k].demand[r]; each > room_[r])
        return 0;
      else if (each > 0)
        most = std::min(most, room_[r] / each);
    return most;
  }

  double leaf(std::size_t number) const {
    if (number >= proof_.prices.size()) return kNothingShown;
    const std::vector<double>& price = proof_.prices[number];
    double sum = packed_;
    for (std::size_t r = 0; r < problem_.dimensions; ++r) {
      if (!(price[r] >= 0)) return kNothingShown;
      sum += price[r] * static_cast<double>(std::max<std::int64_t>(room_[r], 0));
    }
    for (const std::uint32_t k : classes_) {
      const std::int64_t times = fitting(k);
      if (times == 0) continue;
      double more = worth_[k];  // than its share of the room
      for (std::size_t r = 0; r < problem_.dimensions; ++r)
        more -= price[r] * static_cast<double>(problem_.classes[k].demand[r]);
      if (more > 0) sum += more * static_cast<double>(times);
    }
    return sum;
  }

  double branch(std::size_t k) {
    if (k >= open_.size() || open_[k] == 0) return kNothingShown;
    const std::int64_t times = fitting(k);
    const std::vector<std::int64_t> room = room_;
    const double packed = packed_;
    double sum = 0;
    open_[k] = 0;
    for (std::int64_t n = 0; n <= times && sum < kNothingShown; ++n) {
      for (std::size_t r = 0; r < problem_.dimensions; ++r)
        room_[r] = room[r] - problem_.classes[k].demand[r] * n;
      packed_ = packed + worth_[k] * static_cast<double>(n);
      sum = std::max(sum, most());
    }
    open_[k] = 1;
    room_ = room;
    packed_ = packed;
    return sum;
  }

  const PlacementProblem& problem_;
  std::span<const std::uint32_t> classes_;
  const std::vector<double>& worth_;
  const ContentProof& proof_;
  std::vector<std::int64_t> room_;
  std::vector<char> open_;  // by class: runs on the offer, and how many is not decided
  double packed_ = 0;
  std::size_t next_ = 0;
};

// By offer: the classes that may run there, fit, and are worth something.
std::vector<std::vector<std::uint32_t>> runs_of(const PlacementProblem& problem,
                                                const std::vector<double>& pod_price) {
  std::vector<std::vector<std::uint32_t>> out(problem.offers.size());
  for (std::uint32_t k = 0; k < problem.classes.size(); ++k)
    for (const std::uint32_t t : problem.classes[k].offers) {
      if (pod_price[k] == 0 || problem.classes[k].count <= 0) break;
      bool fits = true;
      for (std::size_t r = 0; r < problem.dimensions; ++r)
        fits = fits && problem.classes[k].demand[r] <= problem.offers[t].capacity[r];
      if (fits) out[t].push_back(k);
    }
  return out;
}

}  // namespace

double proved_worth(const PlacementProblem& problem, std::uint32_t offer,
                    std::span<const std::uint32_t> classes, const std::vector<double>& pod_price,
                    const ContentProof& proof) {
  for (const std::vector<double>& price : proof.prices)
    if (price.size() != problem.dimensions) return kNothingShown;
  Reader reader(problem, offer, classes, pod_price, proof);
  const double most = reader.most();
  return reader.at_end() ? most : kNothingShown;
}

Money certified(const PlacementProblem& problem, const ContentCertificate& certificate) {
  if (certificate.proofs.size() != problem.offers.size() ||
      certificate.pod_price.size() != problem.classes.size())
    return {};
  for (const double price : certificate.pod_price)
    if (!(price >= 0)) return {};
  const std::vector<std::vector<std::uint32_t>> runs = runs_of(problem, certificate.pod_price);
  std::vector<char> placeable(problem.classes.size(), 0);
  double off = 0;
  for (std::uint32_t t = 0; t < problem.offers.size(); ++t) {
    for (const std::uint32_t k : runs[t]) placeable[k] = 1;
    const ContentProof& proof = certificate.proofs[t];
    const NodeOffer& offer = problem.offers[t];
    if (!proof.steps.empty()) {
      const double more = proved_worth(problem, t, runs[t], certificate.pod_price, proof) -
                          offer.price.to_dollars();
      if (!(more <= 0) && !(offer.count && more < kNothingShown)) return {};
      if (more > 0) off += more * static_cast<double>(*offer.count);
      continue;
    }
    if (proof.same_as >= problem.offers.size() || certificate.proofs[proof.same_as].steps.empty())
      return {};
    const NodeOffer& other = problem.offers[proof.same_as];
    bool no_smaller = std::includes(runs[proof.same_as].begin(), runs[proof.same_as].end(),
                                    runs[t].begin(), runs[t].end());
    for (std::size_t r = 0; r < problem.dimensions; ++r)
      no_smaller = no_smaller && other.capacity[r] >= offer.capacity[r];
    if (!no_smaller || other.price > offer.price || other.count) return {};
  }
  double dollars = 0;
  for (std::size_t k = 0; k < problem.classes.size(); ++k)
    if (placeable[k] != 0)
      dollars += certificate.pod_price[k] * static_cast<double>(problem.classes[k].count);
  return whole_micros(dollars, off);
}

}  // namespace gputide::provisioning
