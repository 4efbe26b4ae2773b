#include "decide/provisioning/node_prices.h"

#include <algorithm>

namespace gputide::provisioning {

void NodePrices::add_pod(std::span<const double> demand, double worth) {
  demand_.insert(demand_.end(), demand.begin(), demand.end());
  worth_.push_back(worth);
}

std::vector<std::pair<std::uint32_t, double>> NodePrices::content() const {
  std::vector<std::pair<std::uint32_t, double>> out;
  for (std::size_t r = 0; r < basis_.size(); ++r)
    if (basis_[r] >= 0 && basic_[r] > 0)
      out.emplace_back(static_cast<std::uint32_t>(basis_[r]), basic_[r]);
  return out;
}

bool NodePrices::solve(std::span<const double> capacity, std::vector<double>& price) {
  constexpr double kTiny = 1e-9;
  const std::size_t n = dimensions_;
  inverse_.assign(n * n, 0.0);
  basic_.assign(capacity.begin(), capacity.end());
  basis_.resize(n);
  for (std::size_t r = 0; r < n; ++r) {
    inverse_[r * n + r] = 1;
    basis_[r] = -1 - static_cast<int>(r);
  }
  std::vector<double> column(n);
  for (int step = 0; step < 500; ++step) {
    price.assign(n, 0.0);
    for (std::size_t r = 0; r < n; ++r) {
      if (basis_[r] < 0) continue;
      for (std::size_t c = 0; c < n; ++c)
        price[c] += worth_[static_cast<std::size_t>(basis_[r])] * inverse_[r * n + c];
    }
    // The pod or slack that gains most comes in; after a while the first that gains, so that no
    // cycle lasts.
    int enter = 0;
    double gain = kTiny;
    bool found = false;
    for (std::size_t k = 0; k < worth_.size() && !(found && step > 100); ++k) {
      double g = worth_[k];
      for (std::size_t r = 0; r < n; ++r) g -= price[r] * demand_[k * n + r];
      if (g > gain * (1 + kTiny) && g > kTiny * (1 + worth_[k]))
        gain = g, enter = static_cast<int>(k), found = true;
    }
    for (std::size_t r = 0; r < n && !(found && step > 100); ++r)
      if (-price[r] > gain) gain = -price[r], enter = -1 - static_cast<int>(r), found = true;
    if (!found) {
      for (double& p : price) p = std::max(p, 0.0);
      return true;
    }
    std::fill(column.begin(), column.end(), 0.0);
    for (std::size_t r = 0; r < n; ++r)
      for (std::size_t c = 0; c < n; ++c) {
        const double a = enter >= 0 ? demand_[static_cast<std::size_t>(enter) * n + c]
                                    : (static_cast<int>(c) == -1 - enter ? 1.0 : 0.0);
        column[r] += inverse_[r * n + c] * a;
      }
    std::size_t leave = n;
    double least = 0;
    for (std::size_t r = 0; r < n; ++r) {
      if (column[r] <= kTiny) continue;
      const double ratio = basic_[r] / column[r];
      if (leave == n || ratio < least - kTiny ||
          (ratio < least + kTiny && basis_[r] < basis_[leave]))
        leave = r, least = ratio;
    }
    if (leave == n) return false;  // without end: a pod that takes nothing
    const double pivot = column[leave];
    for (std::size_t c = 0; c < n; ++c) inverse_[leave * n + c] /= pivot;
    basic_[leave] /= pivot;
    for (std::size_t r = 0; r < n; ++r) {
      if (r == leave || column[r] == 0) continue;
      for (std::size_t c = 0; c < n; ++c)
        inverse_[r * n + c] -= column[r] * inverse_[leave * n + c];
      basic_[r] = std::max(0.0, basic_[r] - column[r] * basic_[leave]);
    }
    basis_[leave] = enter;
  }
  return false;
}

}  // namespace gputide::provisioning
