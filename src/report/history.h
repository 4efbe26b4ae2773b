// The history of a run: the lives of its machines and pods, its prices and its digest, put together
// from records for the summary, the series and the page.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/money.h"
#include "base/time.h"
#include "port/record.h"
#include "report/digest.h"

namespace gputide::report {

/// Texts that repeat, each kept once.
class Names {
 public:
  std::uint32_t id(std::string_view text);
  const std::string& text(std::uint32_t id) const { return list_[id]; }
  const std::vector<std::string>& list() const { return list_; }

 private:
  std::vector<std::string> list_;
  std::unordered_map<std::string, std::uint32_t> ids_;
};

/// A machine, from its launch to its end.
struct MachineLife {
  std::string id;
  std::string node;  // "" before it registered
  std::uint32_t pool = 0;
  std::uint32_t group = 0;  // of History::groups
  std::int64_t gpus = 0;
  Money price;  // an hour, at launch
  Instant launched;
  std::optional<Instant> running;  // from then on it is billed
  std::optional<Instant> ready;
  std::optional<Instant> notice;  // AWS wants it back
  std::optional<Instant> ended;
  std::uint32_t reason = 0;                       // of History::reasons
  std::int64_t seconds = 0;                       // billed; set when it ended
  Money cost;                                     // set when it ended
  std::map<std::string, std::int64_t> resources;  // extended resources that it offered, at most
};

enum class Outcome : std::uint8_t { None, Succeeded, Failed, Evicted, Preempted, Deleted };

/// A pod of a workload, from its creation to its end.
struct PodLife {
  std::string name;  // namespace/name
  std::uint32_t owner = 0;
  std::uint32_t resource = 0;
  std::int64_t gpus = 0;  // of the resource
  std::int64_t machine = -1;
  Instant created;
  std::optional<Instant> scheduled;
  std::optional<Instant> running;
  std::optional<Instant> ended;
  Outcome outcome = Outcome::None;
  std::vector<std::string> devices;
};

/// A place to buy machines of a type in.
struct Pool {
  std::string type;
  std::string zone;
  std::string market;
};

struct PricePoint {
  Instant at;
  std::uint32_t pool;
  Money price;
};

/// From `at` on, so many slots of a capacity reservation are held, of so many.
struct SlotsPoint {
  Instant at;
  std::string reservation;
  std::int64_t used = 0;
  std::int64_t count = 0;
  Money price;  // of one, an hour
};

class History final : public port::Recorder {
 public:
  History();
  void record(const port::Record& record) override;
  /// Call once, after the last record.
  void finish();

  std::string cluster;
  std::string region;
  std::int64_t seed = 0;
  Instant start;
  Instant end;  // of the last record
  std::vector<MachineLife> machines;
  std::vector<PodLife> pods;
  std::vector<Pool> pools;
  std::vector<PricePoint> prices;
  std::vector<SlotsPoint> slots;
  std::vector<Line> lines;  // the digest
  Names groups, owners, resources, reasons;

  /// Parts of a GPU, in millionths, that the pod's request is worth on the machine that it is on;
  /// each device counts as one GPU when the machine is not known.
  std::int64_t gpu_share(const PodLife& pod) const;

 private:
  std::uint32_t pool_of(const port::Record& record);
  void launched(const port::Record& record);
  void pod_record(const port::Record& record);
  MachineLife* machine(std::string_view id);
  MachineLife* machine_of_node(std::string_view node);

  Digest digest_;
  std::map<std::string, std::uint32_t> pool_ids_;
  std::unordered_map<std::string, std::size_t> by_id_;
  std::unordered_map<std::string, std::size_t> by_node_;
  std::unordered_map<std::string, std::size_t> by_pod_;
};

/// The world's numbers from `at` on, until the next step.
struct Step {
  Instant at;
  std::int64_t nodes = 0;
  std::int64_t gpu_nodes = 0;
  std::int64_t gpus = 0;
  std::int64_t gpu_micros_used = 0;  // millionths of GPUs that scheduled pods hold
  std::int64_t pods_pending = 0;
  std::int64_t pods_running = 0;
  std::int64_t gpus_asked = 0;  // GPUs and slices that pending and scheduled pods ask for
  Money per_hour;
  bool operator==(const Step&) const = default;
};

/// One step a moment at which something changed, from the start.
std::vector<Step> steps_of(const History& history);

}  // namespace gputide::report
