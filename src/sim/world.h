// World: a simulated cluster in a simulated cloud, from its first object to rest.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/result.h"
#include "base/time.h"
#include "model/capacity_reservation.h"
#include "model/object.h"
#include "port/controller.h"
#include "port/record.h"
#include "port/result.h"
#include "sim/job_trace.h"
#include "sim/market_options.h"
#include "sim/programs.h"

namespace gputide::pricing {
class Catalogue;
}

namespace gputide::sim {

/// The moment at which every simulation starts: 2026-01-01T00:00:00Z.
constexpr Instant sim_epoch() {
  return Instant::from_seconds(1767225600);
}

struct WorldOptions {
  std::uint64_t seed = 1;
  /// Where the run ends, whether anything happens until then or not; absent: when nothing more will
  /// happen, or nothing has come of what happened for a day.
  std::optional<Duration> until;
  MarketOptions market;
  const pricing::Catalogue* catalogue = nullptr;  // the built-in one when nullptr
  /// Where prices are asked for, until a ClusterConfig says.
  std::string region = "us-west-2";
  std::string cluster = "cluster";
};

/// What a program in a pod may know when it becomes a controller.
struct ProgramStart {
  const Program& program;
  const pricing::Catalogue& catalogue;
  std::string region;
  std::string cluster;
  std::uint64_t seed = 0;
};
/// Makes the controller that a program is; errors keep the pod's program from starting, and are
/// told.
using ProgramFactory =
    std::function<Result<std::unique_ptr<port::Controller>>(const ProgramStart& start)>;

class World {
 public:
  /// `recorder` may be nullptr; texts are then not even built. Both it and the catalogue must
  /// outlive the world.
  explicit World(WorldOptions options, port::Recorder* recorder = nullptr);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// What runs in a pod whose container runs such a program. Without a factory it only sits there.
  void set_factory(ProgramKind kind, ProgramFactory factory);
  /// How long containers run; the first rule that matches wins.
  void set_workloads(std::vector<model::WorkloadRule> rules);

  /// Plans something for later; `at` counts from the start. Equal moments keep their order.
  void at(Duration at, std::function<void()> action);
  /// See Cloud::add_reservation.
  Result<void> add_reservation(model::CapacityReservation facts, std::optional<Money> fee);
  void add_trace(const model::TraceSource& source, std::vector<TraceRow> rows);

  // What people do, now. Node groups (kind NodeGroup, by eksctl's name) can be scaled and removed
  // too.
  void apply(const std::vector<model::Object>& objects);
  void remove(const port::ObjectRef& ref);
  void scale(const port::ObjectRef& ref, std::int32_t replicas);
  void interrupt(const std::string& zone, const std::string& instance_type, double fraction);
  /// Sets a condition of `fraction` (rounded to the nearest whole node) of the nodes that have the
  /// labels, those that have been there longest first.
  void set_node_condition(const model::SetNodeConditionStep& step);
  /// Tells a person of something that is wrong; it goes into the result.
  void complain(Diagnostic diagnostic);

  /// Runs to the end. `progress` (may be empty) is called now and then with how far it is; it
  /// returns false to end the run early.
  using Progress = std::function<bool(Duration done, std::optional<Duration> until)>;
  void run(const Progress& progress = {});

  /// After run(). wall_time is left to the caller.
  port::RunResult result() const;
  /// The objects that the API server keeps now, by kind, then in byte order of namespace/name.
  std::vector<model::Typed> objects() const;
  /// Invariants that did not hold; the program then exits with 1.
  std::int64_t failed_checks() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace gputide::sim
