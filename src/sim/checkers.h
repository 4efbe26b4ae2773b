// Checkers: what must hold in every run, watched while it runs. They count for themselves and ask
// nobody who might be wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "sim/cloud.h"
#include "sim/kubelet.h"
#include "sim/store.h"
#include "sim/telling.h"

namespace gputide::sim {

class Checkers final : public StoreListener, public DeviceListener {
 public:
  Checkers(Store& store, Telling& telling);

  void changed(port::Change change, const model::Typed& now, const model::Typed& before) override;
  void devices_taken(const std::string& node, const DeviceIds& ids) override;
  void devices_given_back(const std::string& node, const DeviceIds& ids) override;
  /// After a pod was evicted: its budgets must still hold.
  void evicted(const model::Pod& pod);
  void instance_running(const CloudInstance& instance, Instant now);
  void instance_stopping(const CloudInstance& instance, Instant now);

  /// Entries come due without end at one moment.
  void time_stands_still();
  /// At the end of the run: instances and nodes belong together, pods are where they say, money
  /// adds up. `at_rest`: nothing was under way any more.
  void at_end(const Cloud& cloud, bool at_rest, Instant now);

  /// Failures so far; each was told as CheckFailed.
  std::int64_t failures() const { return failures_; }

 private:
  struct Load {
    std::vector<std::int64_t> used;  // by resource: thousandths for cpu, whole units for others
    std::int64_t pods = 0;
  };
  struct Claim {
    std::pair<const std::string, Load>* load = nullptr;         // of its node
    std::vector<std::pair<std::size_t, std::int64_t>> amounts;  // by resource
  };
  struct Life {
    const CloudInstance* instance = nullptr;
    Instant from;
    std::optional<Instant> to;
  };
  void failed(std::string_view check, const Subject& about, const std::string& message);
  /// The number of a resource in loads and claims.
  std::size_t resource_number(std::string_view name);
  void bound(const model::Pod& pod);
  void unbound(const model::Pod& pod);
  void check_nodes(const Cloud& cloud);
  void check_pods();
  void check_money(const Cloud& cloud, Instant now);
  void check_bill(const Cloud& cloud, const Life& life, Instant now);

  Store& store_;
  Telling& telling_;
  std::int64_t failures_ = 0;
  std::vector<std::string> resources_;                                        // by number
  std::unordered_map<std::string, Load> load_;                                // by node
  std::unordered_map<std::string, Claim> claims_;                             // by pod uid
  std::unordered_map<std::string, std::unordered_set<std::string>> devices_;  // held, by node
  std::vector<Life> lives_;                               // of instances that ran, in order
  std::unordered_map<std::string, std::size_t> life_of_;  // by instance id
};

}  // namespace gputide::sim
