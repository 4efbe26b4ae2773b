// What a plugin's configuration says about sharing, checked, and reduced to what the plugin heeds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "decide/sharing/offer.h"

namespace gputide::sharing {

/// One entry of sharing.*.resources as it takes effect.
struct SharedResource {
  std::string name;          // before sharing
  std::string offered_name;  // with rename or .shared
  std::int64_t replicas = 0;
  model::ReplicatedDevices devices;

  /// Whether the entry is about this device; `so_far` devices were taken before.
  bool takes(std::string_view id, std::string_view index, std::size_t so_far) const;
  /// An error when the entry names more devices than the `matched` ones that are there.
  Result<void> found(std::size_t matched) const;
};

struct SharingPlan {
  Replication replication = Replication::None;
  bool fail_above_one = false;
  bool renamed = false;  // renameByDefault
  std::vector<SharedResource> resources;
  std::vector<std::string> warnings;
};

/// Errors: those of check_config.
Result<SharingPlan> sharing_plan(const PluginSetup& setup);

}  // namespace gputide::sharing
