#include <algorithm>
#include <cmath>

#include "decide/provisioning/bound.h"
#include "decide/provisioning/linear_program.h"

namespace gputide::provisioning {
namespace {

constexpr int kCells = 1000;

// The fullest GPU by weight: how often each share is on it.
double fullest(std::span<const Share> shares, const std::vector<double>& weight,
               std::vector<int>& times) {
  std::vector<double> best(kCells + 1, 0.0);
  std::vector<int> last(kCells + 1, -1);
  for (int room = 1; room <= kCells; ++room) {
    best[room] = best[room - 1];
    for (std::size_t s = 0; s < shares.size(); ++s) {
      const auto size = static_cast<int>(shares[s].thousandths);
      if (size > 0 && size <= room && best[room - size] + weight[s] > best[room] + 1e-12) {
        best[room] = best[room - size] + weight[s];
        last[room] = static_cast<int>(s);
      }
    }
  }
  times.assign(shares.size(), 0);
  for (int room = kCells; room > 0;) {
    if (last[room] < 0) {
      --room;
      continue;
    }
    ++times[last[room]];
    room -= static_cast<int>(shares[last[room]].thousandths);
  }
  return best[kCells];
}

// What a pod of each share is worth in GPUs when they are cut as well as can be.
std::vector<double> cutting_stock_weights(std::span<const Share> shares) {
  LinearProgram lp;
  for (const Share& share : shares) lp.add_row(static_cast<double>(share.count));
  std::vector<LinearProgram::Entry> entries;
  for (std::size_t s = 0; s < shares.size(); ++s) {
    const std::int64_t fit = kCells / std::max<std::int64_t>(1, shares[s].thousandths);
    const LinearProgram::Entry entry{static_cast<int>(s), static_cast<double>(fit)};
    lp.add_column(1.0, std::span(&entry, 1));
  }
  std::vector<double> weight(shares.size(), 0.0);
  std::vector<int> times;
  double most = 1;
  for (int round = 0; round < 200; ++round) {
    if (!lp.solve()) return std::vector<double>(shares.size(), 0.0);
    for (std::size_t s = 0; s < shares.size(); ++s)
      weight[s] = std::max(0.0, lp.dual(static_cast<int>(s)));
    most = fullest(shares, weight, times);
    if (most <= 1 + 1e-9) break;
    entries.clear();
    for (std::size_t s = 0; s < shares.size(); ++s)
      if (times[s] > 0) entries.push_back({static_cast<int>(s), static_cast<double>(times[s])});
    lp.add_column(1.0, entries);
  }
  for (double& w : weight) w /= std::max(most, 1.0);
  return weight;
}

}  // namespace

std::vector<std::vector<std::int64_t>> share_dimensions(std::span<const Share> shares) {
  std::vector<std::vector<std::int64_t>> rows;
  std::vector<std::int64_t> plain;
  for (const Share& share : shares) plain.push_back(share.thousandths * (kGpuUnits / 1000));
  rows.push_back(plain);
  // Fekete and Schepers: what does not divide a GPU into k + 1 parts counts in whole k-ths.
  for (std::int64_t k = 1; k <= 4; ++k) {
    std::vector<std::int64_t> row;
    for (const Share& share : shares) {
      const std::int64_t parts = share.thousandths * (k + 1);
      row.push_back(parts % 1000 == 0 ? share.thousandths * (kGpuUnits / 1000)
                                      : parts / 1000 * kGpuUnits / k);
    }
    rows.push_back(std::move(row));
  }
  std::vector<std::int64_t> cut;
  for (const double weight : cutting_stock_weights(shares))
    cut.push_back(static_cast<std::int64_t>(
        std::floor(weight * (1 - 1e-9) * static_cast<double>(kGpuUnits))));
  rows.push_back(std::move(cut));
  return rows;
}

// Deliberately by itself: this is what makes the rows worth believing.
std::int64_t most_on_one_gpu(std::span<const Share> shares, std::span<const std::int64_t> row) {
  std::vector<std::int64_t> most(1001, 0);  // by thousandths of the GPU
  for (std::int64_t room = 1; room <= 1000; ++room) {
    most[room] = most[room - 1];
    for (std::size_t s = 0; s < shares.size(); ++s)
      if (const std::int64_t size = shares[s].thousandths; size > 0 && size <= room)
        most[room] = std::max(most[room], most[room - size] + row[s]);
  }
  return most.back();
}

}  // namespace gputide::provisioning
