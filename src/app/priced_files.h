// What `gputide cost` finds in a set of files: what their cluster costs at its sizes, what a GPU
// and a slice of one cost in it, and what would be bought for their pods.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/options.h"
#include "app/plan_demand.h"
#include "decide/pricing/cost_sheet.h"
#include "decide/provisioning/provision.h"

namespace gputide::app {

/// A resource that a node offers its GPUs as.
struct DevicePrice {
  std::string resource;
  std::int64_t count = 0;
  Money each;  // an hour
};

/// A type with GPUs that may be bought, at one price.
struct GpuPrice {
  std::vector<std::string> pools;  // where
  pricing::Choice choice;
  std::string gpu;                   // T4
  std::int64_t gpu_eighths = 0;      // eight of a whole GPU
  bool sold = true;                  // false: what a node of it offers is not looked at
  std::vector<DevicePrice> devices;  // none: no device plugin comes to these nodes

  /// Of a whole GPU, also where the type has a part of one.
  Money per_gpu() const { return Money::micros(choice.price.micros() * 8 / gpu_eighths); }
};

struct PricedFiles {
  Demand demand;
  std::vector<pricing::CostLine> lines;
  std::vector<GpuPrice> gpus;                       // cheapest a GPU first
  std::optional<provisioning::ProvisionPlan> plan;  // absent: there are no pods, or no pools
  bool has_scenario = false;
  std::vector<model::CapacityReservation> reservations;

  std::int64_t unpriced() const;
};

/// Errors: the files name nothing that costs, the NodePools' region is not known, a device plugin
/// that would not start.
Result<PricedFiles> price_files(const CostOptions& options, const Checked& checked);

}  // namespace gputide::app
