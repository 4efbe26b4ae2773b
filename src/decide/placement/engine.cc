#include "decide/placement/engine.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace gputide::placement {
namespace {

constexpr std::int64_t kUnfit = INT64_MIN;

}  // namespace

Engine::Engine(Policy policy, std::vector<Node> nodes, std::vector<Pod> kinds,
               std::span<const Pod> demand, std::uint64_t seed)
    : policy_(policy),
      scorer_(policy, demand),
      nodes_(std::move(nodes)),
      kinds_(std::move(kinds)),
      held_(nodes_.size()),
      version_(nodes_.size()),
      boards_(kinds_.size()),
      leaves_(std::bit_ceil(std::max<std::size_t>(nodes_.size(), 1))),
      rng_(seed, "placement") {}

void Engine::rescore(Board& board, const Pod& pod, std::uint32_t n, bool climb) {
  std::size_t at = leaves_ + n;
  std::int64_t score = kUnfit;
  if (fits(nodes_[n], pod)) {
    const Offer offer = scorer_.offer(nodes_[n], held_[n], pod);
    score = offer.score;
    board.devices[n] = static_cast<std::uint8_t>(offer.devices);
  }
  board.version[n] = version_[n];
  board.tree[at] = score;
  while (climb && at > 1) {
    at /= 2;
    const std::int64_t best = std::max(board.tree[2 * at], board.tree[2 * at + 1]);
    if (board.tree[at] == best) break;
    board.tree[at] = best;
  }
}

void Engine::refresh(Board& board, const Pod& pod) {
  if (board.tree.empty()) {
    board.tree.assign(2 * leaves_, kUnfit);
    board.devices.resize(nodes_.size());
    board.version.resize(nodes_.size());
    for (std::uint32_t n = 0; n < nodes_.size(); ++n) rescore(board, pod, n, false);
    for (std::size_t at = leaves_ - 1; at > 0; --at)
      board.tree[at] = std::max(board.tree[2 * at], board.tree[2 * at + 1]);
  } else {
    // What did not fit never will: nothing is removed.
    for (std::size_t i = board.seen; i < log_.size(); ++i) {
      const std::uint32_t n = log_[i];
      if (board.version[n] != version_[n] && board.tree[leaves_ + n] != kUnfit)
        rescore(board, pod, n, true);
    }
  }
  board.seen = log_.size();
}

// A node drawn of those that fit, and a device of it drawn likewise.
std::optional<Place> Engine::draw(const Pod& pod) {
  std::vector<std::uint32_t> fit;
  for (std::uint32_t n = 0; n < nodes_.size(); ++n)
    if (fits(nodes_[n], pod)) fit.push_back(n);
  if (fit.empty()) return std::nullopt;
  const std::uint32_t n = fit[rng_.below(fit.size())];
  if (!pod.shares()) return Place{n, scorer_.offer(nodes_[n], held_[n], pod).devices};
  auto nth = static_cast<int>(rng_.below(nodes_[n].devices_with(pod.gpu_milli)));
  int d = 0;
  while (nodes_[n].left[d] < pod.gpu_milli || nth-- > 0) ++d;
  return Place{n, 1U << d};
}

void Engine::take(const Pod& pod, const Place& place) {
  GPUTIDE_CHECK(std::popcount(place.devices) == pod.gpus);
  nodes_[place.node] = with(nodes_[place.node], pod, place.devices);
  if (pod.gpus > 0) held_[place.node] |= 1U << gpu_class(pod);
  ++version_[place.node];
  log_.push_back(place.node);
}

std::optional<Place> Engine::place(std::size_t kind) {
  const Pod& pod = kinds_[kind];
  std::optional<Place> found;
  if (policy_ == Policy::Random) {
    found = draw(pod);
  } else {
    Board& board = boards_[kind];
    refresh(board, pod);
    if (board.tree[1] == kUnfit) return std::nullopt;
    std::size_t at = 1;
    while (at < leaves_) at = board.tree[2 * at] == board.tree[1] ? 2 * at : 2 * at + 1;
    const auto n = static_cast<std::uint32_t>(at - leaves_);
    found = Place{n, board.devices[n]};
  }
  if (found) take(pod, *found);
  return found;
}

}  // namespace gputide::placement
