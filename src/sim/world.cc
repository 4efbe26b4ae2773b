#include "sim/world.h"

#include <cmath>
#include <deque>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "codec/karpenter_conversion.h"
#include "control/scheduler/scheduler.h"
#include "control/workloads/manager.h"
#include "control/workloads/termination_handler.h"
#include "decide/cluster/network.h"
#include "decide/cluster/node_groups.h"
#include "decide/pricing/catalogue.h"
#include "model/conditions.h"
#include "sim/checkers.h"
#include "sim/chronicle.h"
#include "sim/cloud.h"
#include "sim/controller_host.h"
#include "sim/heap.h"
#include "sim/kubelet.h"
#include "sim/program_runner.h"
#include "sim/run_times.h"
#include "sim/store.h"
#include "sim/system_pods.h"
#include "sim/telling.h"

namespace gputide::sim {

using port::RecordKind;

namespace {

constexpr std::uint64_t kEventsBetweenProgress = 1 << 16;
// So many entries due at one moment mean that two controllers answer each other for ever.
constexpr std::uint64_t kMostAtOneMoment = 20'000'000;
// Controllers that try the same in vain for so long are left to it.
constexpr Duration kStall = Duration::hours(24);

std::string_view applied_name(Applied applied) {
  switch (applied) {
    case Applied::Created:
      return "created";
    case Applied::Configured:
      return "configured";
    case Applied::Unchanged:
      return "unchanged";
  }
  return "";
}

bool is_needed_by_others(const model::Object& object) {
  return object.kind == "Namespace" || object.kind == "PriorityClass" || object.kind == "ConfigMap";
}

bool is_node_group(std::string_view kind) {
  return kind == "NodeGroup" || kind == "ManagedNodeGroup";
}

// Karpenter's older objects are stored as the newer ones.
model::Object served_form(const model::Object& object) {
  model::Object out = object;
  out.typed = codec::to_v1(object.typed);
  return out;
}

std::string kind_text(std::string_view kind) {
  return to_lower(kind);
}

}  // namespace

// Everything in the order in which it must be made; the cloud hears of the kubelets and they of it.
struct World::Parts final : InstanceListener, Handler {
  Parts(WorldOptions given, port::Recorder* recorder);

  void instance_running(const CloudInstance& instance) override {
    checkers.instance_running(instance, heap.now());
    kubelets.instance_running(instance);
  }
  void instance_stopping(const CloudInstance& instance) override {
    checkers.instance_stopping(instance, heap.now());
    kubelets.instance_stopping(instance);
  }
  void instance_notice(const port::InstanceNotice& notice) override {
    kubelets.instance_notice(notice);
  }
  void fire(std::uint64_t key, Instant now) override;

  bool at_rest() const {
    return is_quiet() && runner.at_rest() && host.at_rest() && cloud->at_rest();
  }
  /// Nothing will come of itself, but for controllers that try again and again.
  bool is_quiet() const { return actions_left == 0 && kubelets.at_rest() && traces_done(); }
  bool is_stalled() const { return is_quiet() && heap.now() - chronicle.last_change() > kStall; }
  bool traces_done() const {
    for (const auto& feeder : traces)
      if (!feeder->done()) return false;
    return true;
  }
  void refused(const model::Object& object, const std::string& why);
  void complain(Diagnostic diagnostic);
  std::vector<std::string> groups_named(const std::string& name) const;
  void resize_groups(const std::string& name, std::int64_t size);
  void apply(const model::Object& object);
  void set_condition(const NodeRef& node, const model::SetNodeConditionStep& step);
  void apply_cluster(const model::Object& object, const model::ClusterConfig& config);
  void tell_applied(const model::Object& object, std::string_view change);
  void check_reservation(const model::NodeGroupPlan& plan, const std::string& file);
  bool has_room_to_grow() const;
  void tell_who_is_missing();
  void finish();

  static constexpr std::uint64_t kEnd = ~std::uint64_t{0};

  WorldOptions options;
  const pricing::Catalogue& catalogue;
  Heap heap;
  Telling telling;
  Store store;
  RunTimes run_times;
  Chronicle chronicle;
  Checkers checkers;
  Kubelets kubelets;
  std::unique_ptr<Cloud> cloud;
  ControllerHost host;
  ProgramRunner runner;
  std::deque<std::function<void()>> actions;
  std::size_t actions_left = 0;
  std::vector<std::unique_ptr<TraceFeeder>> traces;
  std::map<std::string, std::vector<std::string>> groups;  // by cluster/node group: ASG names
  std::vector<Diagnostic> diagnostics;
  bool ended = false;
};

World::Parts::Parts(WorldOptions given, port::Recorder* recorder)
    : options(std::move(given)),
      catalogue(options.catalogue != nullptr ? *options.catalogue : pricing::Catalogue::builtin()),
      heap(sim_epoch()),
      telling(heap),
      store(heap, options.seed),
      run_times(store),
      chronicle(store, telling, heap),
      checkers(store, telling),
      kubelets(heap, store, telling, run_times, options.seed),
      cloud(make_cloud(heap, catalogue, telling, *this, {options.seed, options.market})),
      host(heap, store, cloud.get(), telling),
      runner(heap, host, telling) {
  telling.to(recorder);
  kubelets.set_cloud(*cloud);
  kubelets.set_devices(checkers);
  kubelets.on_notice([this](const port::InstanceNotice& notice) { host.notice(notice); });
  kubelets.on_program(
      [this](const PodRef& pod, Program program) { runner.started(pod, std::move(program)); },
      [this](const PodRef& pod) { runner.stopped(pod); });
  host.on_evicted([this](const PodRef& pod, std::string_view by) {
    chronicle.evicted(*pod, by);
    checkers.evicted(*pod);
  });
  host.on_preempted(
      [this](const PodRef& pod, std::string_view by) { chronicle.preempted(*pod, by); });
  runner.set_surroundings(catalogue, options.region, options.cluster, options.seed);
  const std::int64_t until_seconds = options.until ? options.until->whole_seconds() : -1;
  telling.tell(RecordKind::RunStarted, "simulator", {"run", "", options.cluster},
               {{"seed", static_cast<std::int64_t>(options.seed)},
                {"until_seconds", until_seconds},
                {"region", std::string_view(options.region)},
                {"cluster", std::string_view(options.cluster)}},
               [&] { return fmt::format("a run with seed {}", options.seed); });
  host.add(std::make_unique<workloads::ControllerManager>(), Priority::Controller, {});
  host.add(std::make_unique<control::KubeScheduler>(Rng(options.seed, "kube-scheduler")),
           Priority::Scheduler, {});
  runner.set_factory(ProgramKind::NodeTerminationHandler, [](const ProgramStart& start) {
    return workloads::make_termination_handler(start.program.environment, start.program.flags);
  });
  for (model::Typed& object : system_objects()) static_cast<void>(store.create(std::move(object)));
}

void World::Parts::fire(std::uint64_t key, Instant) {
  if (key == kEnd) {
    ended = true;
    return;
  }
  --actions_left;
  std::function<void()> action = std::move(actions[key]);
  action();
}

void World::Parts::tell_applied(const model::Object& object, std::string_view change) {
  const std::string kind = kind_text(object.kind);
  const std::string_view space =
      is_cluster_scoped(object.kind) ? "" : std::string_view(object.metadata.namespace_);
  telling.tell(RecordKind::ObjectApplied, "kubectl", {kind, space, object.metadata.name},
               {{"file", std::string_view(object.file)}, {"change", change}},
               [&] { return std::string(change); });
}

void World::Parts::refused(const model::Object& object, const std::string& why) {
  Diagnostic diagnostic;
  diagnostic.file = object.file;
  diagnostic.where = object.source.where;
  diagnostic.code = "refused";
  diagnostic.what = why;
  const std::string kind = kind_text(object.kind);
  telling.tell(RecordKind::Diagnostic, "kube-apiserver",
               {kind, object.metadata.namespace_, object.metadata.name},
               {{"severity", std::string_view("error")},
                {"file", std::string_view(object.file)},
                {"line", static_cast<std::int64_t>(object.source.where.line)}},
               [&] { return why; });
  diagnostics.push_back(std::move(diagnostic));
}

// Somebody's reservation is known to AWS, and to a simulation when its Scenario names it.
void World::Parts::check_reservation(const model::NodeGroupPlan& plan, const std::string& file) {
  const std::string& id = plan.launch.capacity_reservation.target_id;
  if (id.empty()) return;
  const port::CloudAnswer answer = cloud->call(port::DescribeCapacityReservations{{id}});
  const auto* found = std::get_if<std::vector<model::CapacityReservation>>(&answer);
  if (found != nullptr && !found->empty()) return;
  complain({Severity::Warning,
            file,
            {},
            "no-reservation",
            fmt::format("node group {} launches into capacity reservation {}, which is not there: "
                        "it gets no nodes",
                        plan.nodegroup_name, id),
            "add it to the capacityReservations of a Scenario",
            {}});
}

void World::Parts::apply_cluster(const model::Object& object, const model::ClusterConfig& config) {
  options.region = config.metadata.region;
  options.cluster = config.metadata.name;
  runner.set_surroundings(catalogue, options.region, options.cluster, options.seed);
  Diagnostics found;
  const std::vector<model::NodeGroupPlan> plans =
      cluster::plan_node_groups(config, catalogue, object.source, object.file, found);
  for (const Diagnostic& diagnostic : found.list()) diagnostics.push_back(diagnostic);
  std::map<std::string, std::vector<std::string>> now;
  for (const model::NodeGroupPlan& plan : plans) {
    now[config.metadata.name + "/" + plan.nodegroup_name].push_back(plan.group.name);
    check_reservation(plan, object.file);
    cloud->apply_node_group(plan);
  }
  cloud->apply_subnets(cluster::plan_subnets(config));
  for (auto& [key, names] : now) groups[key] = std::move(names);
}

void World::Parts::apply(const model::Object& object) {
  if (const auto* config = object.as<model::ClusterConfig>()) {
    tell_applied(object, "created");
    apply_cluster(object, *config);
    return host.changed(port::Change::Added, object.typed, {});
  }
  if (object.as<model::Scenario>() != nullptr) return;
  const Result<Applied> applied = store.apply(served_form(object));
  if (!applied) return refused(object, applied.error().message);
  const bool served = !kind_of(codec::to_v1(object.typed)).empty();
  tell_applied(object, served ? applied_name(*applied) : "created");
}

// Whether some node group could be bigger.
bool World::Parts::has_room_to_grow() const {
  port::DescribeAutoScalingGroups question;
  for (const auto& [key, names] : groups)
    question.names.insert(question.names.end(), names.begin(), names.end());
  if (question.names.empty()) return false;
  const port::CloudAnswer answer = cloud->call(question);
  const auto* found = std::get_if<std::vector<port::GroupRef>>(&answer);
  return found != nullptr && std::any_of(found->begin(), found->end(), [](const auto& group) {
           return group->desired_capacity < group->max_size;
         });
}

// Pods that wait for nodes wait in vain where nothing is applied that would buy them: people who
// install Karpenter or Cluster Autoscaler by Helm do not have it among their files.
void World::Parts::tell_who_is_missing() {
  const std::int64_t pending = chronicle.pods().pending;
  if (pending == 0) return;
  const std::string waiting = pending == 1 ? "1 pod waits" : fmt::format("{} pods wait", pending);
  const auto warn = [&](const char* code, const char* what, const char* remedy) {
    complain(
        {Severity::Warning, "", {}, code, fmt::format("{}, and {}", waiting, what), remedy, {}});
  };
  if (runner.has_run(ProgramKind::GputideProvisioner)) return;
  if (!store.list<model::NodePool>().empty())
    warn("no-provisioner", "NodePools buy nothing: no provisioner ran",
         "apply a Deployment that runs `gputide provisioner`, which stands in for Karpenter, and a "
         "node group for it to run on");
  else if (groups.empty())
    warn("no-cluster", "no node group and no NodePool is there to run them",
         "give the ClusterConfig too, or NodePools and a program that buys nodes for them");
  else if (has_room_to_grow() && !runner.has_run(ProgramKind::ClusterAutoscaler) &&
           !runner.has_run(ProgramKind::GputideAutoscaler))
    warn("no-autoscaler", "node groups keep their size: no autoscaler ran",
         "apply a Deployment that runs cluster-autoscaler or `gputide autoscaler`");
}

void World::Parts::finish() {
  const bool rests = at_rest();
  tell_who_is_missing();
  checkers.at_end(*cloud, rests || is_stalled(), heap.now());
  telling.tell(RecordKind::RunEnded, "simulator", {"run", "", options.cluster},
               {{"reason", std::string_view(rests || is_stalled() ? "at rest" : "until")}}, [&] {
                 if (ended) return std::string("the time is up");
                 return rests ? std::string("nothing more will happen")
                              : std::string("nothing has come of anything for a day");
               });
}

World::World(WorldOptions options, port::Recorder* recorder)
    : parts_(std::make_unique<Parts>(std::move(options), recorder)) {}

World::~World() = default;

void World::set_factory(ProgramKind kind, ProgramFactory factory) {
  parts_->runner.set_factory(kind, std::move(factory));
}

void World::set_workloads(std::vector<model::WorkloadRule> rules) {
  parts_->run_times.set_rules(std::move(rules));
}

void World::at(Duration at, std::function<void()> action) {
  Parts& parts = *parts_;
  parts.actions.push_back(std::move(action));
  ++parts.actions_left;
  parts.heap.at(sim_epoch() + at, Priority::Scenario, parts, parts.actions.size() - 1);
}

Result<void> World::add_reservation(model::CapacityReservation facts, std::optional<Money> fee) {
  return parts_->cloud->add_reservation(std::move(facts), fee);
}

void World::add_trace(const model::TraceSource& source, std::vector<TraceRow> rows) {
  Parts& parts = *parts_;
  parts.traces.push_back(
      std::make_unique<TraceFeeder>(parts.heap, parts.store, source, std::move(rows)));
  parts.traces.back()->begin();
}

void World::apply(const std::vector<model::Object>& objects) {
  // What others need comes first, as it would come to be by retries.
  for (const model::Object& object : objects)
    if (is_needed_by_others(object)) parts_->apply(object);
  for (const model::Object& object : objects)
    if (!is_needed_by_others(object)) parts_->apply(object);
}

// The Auto Scaling groups of the node groups of that name, in any cluster.
std::vector<std::string> World::Parts::groups_named(const std::string& name) const {
  std::vector<std::string> found;
  for (const auto& [key, names] : groups)
    if (key.substr(key.find('/') + 1) == name)
      found.insert(found.end(), names.begin(), names.end());
  return found;
}

void World::Parts::resize_groups(const std::string& name, std::int64_t size) {
  for (const std::string& group : groups_named(name)) {
    const port::CloudAnswer answer = cloud->call(port::SetDesiredCapacity{group, size});
    if (const auto* error = std::get_if<port::CloudError>(&answer))
      complain({Severity::Error, "", {}, "refused", error->message, "", {}});
  }
}

void World::remove(const port::ObjectRef& ref) {
  Parts& parts = *parts_;
  if (is_node_group(ref.kind)) {
    for (const std::string& group : parts.groups_named(ref.name))
      parts.cloud->delete_node_group(group);
    return;
  }
  const std::string kind = kind_text(ref.kind);
  const Subject about{kind, ref.namespace_, ref.name};
  const Result<void> done = parts.store.remove_gracefully(ref);
  if (!done) return complain({Severity::Error, "", {}, "refused", done.error().message, "", {}});
  parts.telling.tell(RecordKind::ObjectDeleted, "kubectl", about, {},
                     [] { return std::string("deleted"); });
}

void World::scale(const port::ObjectRef& ref, std::int32_t replicas) {
  Parts& parts = *parts_;
  if (is_node_group(ref.kind)) return parts.resize_groups(ref.name, replicas);
  const Result<std::int32_t> before = parts.store.scale(ref, replicas);
  if (!before)
    return complain({Severity::Error, "", {}, "refused", before.error().message, "", {}});
  const std::string kind = kind_text(ref.kind);
  parts.telling.tell(RecordKind::ObjectApplied, "kubectl", {kind, ref.namespace_, ref.name},
                     {{"change", std::string_view("configured")}},
                     [&] { return fmt::format("scaled from {} to {}", *before, replicas); });
}

void World::interrupt(const std::string& zone, const std::string& instance_type, double fraction) {
  parts_->cloud->interrupt(zone, instance_type, fraction);
}

// The condition is its writer's, so that nothing sets it back.
void World::Parts::set_condition(const NodeRef& before, const model::SetNodeConditionStep& step) {
  const auto* known = find_condition(before->status.conditions, step.type);
  if (known != nullptr && known->status == step.status) return;
  auto node = std::make_shared<model::Node>(*before);
  model::set_condition(node->status.conditions,
                       {step.type, step.status, step.reason, step.message, heap.now(), heap.now()});
  const std::string& name = node->metadata.name;
  const bool well = step.type == "Ready" && step.status == "True";
  telling.tell(well ? RecordKind::NodeReady : RecordKind::NodeNotReady, "node-monitor",
               {"node", "", name}, {{"node", name}, {"reason", std::string_view(step.type)}}, [&] {
                 return fmt::format("condition {} is {}{}", step.type, step.status,
                                    step.message.empty() ? "" : ": " + step.message);
               });
  static_cast<void>(store.replace(NodeRef(std::move(node))));
}

void World::set_node_condition(const model::SetNodeConditionStep& step) {
  std::vector<NodeRef> nodes;
  for (NodeRef& node : parts_->store.list<model::Node>())
    if (std::all_of(step.labels.begin(), step.labels.end(), [&](const auto& label) {
          const auto found = node->metadata.labels.find(label.first);
          return found != node->metadata.labels.end() && found->second == label.second;
        }))
      nodes.push_back(std::move(node));
  std::stable_sort(nodes.begin(), nodes.end(), [](const NodeRef& a, const NodeRef& b) {
    return a->metadata.creationTimestamp < b->metadata.creationTimestamp;
  });
  const double wanted = std::clamp(step.fraction, 0.0, 1.0) * static_cast<double>(nodes.size());
  nodes.resize(static_cast<std::size_t>(std::llround(wanted)));
  for (const NodeRef& node : nodes) parts_->set_condition(node, step);
}

void World::complain(Diagnostic diagnostic) {
  parts_->complain(std::move(diagnostic));
}

void World::Parts::complain(Diagnostic diagnostic) {
  telling.tell(
      RecordKind::Diagnostic, "simulator", {"file", "", diagnostic.file},
      {{"severity", std::string_view(diagnostic.severity == Severity::Error ? "error" : "warning")},
       {"file", std::string_view(diagnostic.file)},
       {"line", static_cast<std::int64_t>(diagnostic.where.line)}},
      [&] {
        return diagnostic.remedy.empty() ? diagnostic.what
                                         : diagnostic.what + "; " + diagnostic.remedy;
      });
  diagnostics.push_back(std::move(diagnostic));
}

void World::run(const Progress& progress) {
  Parts& parts = *parts_;
  if (parts.options.until)
    parts.heap.at(sim_epoch() + *parts.options.until, Priority::Report, parts, Parts::kEnd);
  std::uint64_t next_progress = kEventsBetweenProgress;
  std::uint64_t at_this_moment = 0;
  const bool to_rest = !parts.options.until;
  while (!parts.heap.empty() && !parts.ended) {
    if (to_rest && (parts.at_rest() || parts.is_stalled())) break;
    if (parts.heap.next_at() != parts.heap.now()) at_this_moment = 0;
    if (++at_this_moment > kMostAtOneMoment) {
      parts.checkers.time_stands_still();
      break;
    }
    parts.heap.step();
    if (!progress || parts.heap.fired() < next_progress) continue;
    next_progress += kEventsBetweenProgress;
    if (!progress(parts.heap.now() - sim_epoch(), parts.options.until)) break;
  }
  parts.finish();
}

port::RunResult World::result() const {
  const Parts& parts = *parts_;
  port::RunResult result;
  result.seed = parts.options.seed;
  result.fingerprint = parts.telling.fingerprint();
  result.virtual_time = parts.heap.now() - sim_epoch();
  result.events = parts.heap.fired();
  const CloudCost cost = parts.cloud->cost();
  result.cost.total = cost.total;
  result.cost.gpu = cost.gpu;
  result.cost.idle_gpu = cost.idle_gpu;
  for (const CostOfReservation& each : parts.cloud->cost_of_reservations())
    result.reservations.push_back({each.facts->id, each.facts->instance_type, each.facts->zone,
                                   each.facts->type, each.facts->total, each.used_seconds,
                                   each.unused_seconds, each.used, each.unused});
  for (const CostOfType& type : parts.cloud->cost_by_type()) {
    result.nodes.launched += type.instances;
    result.nodes.by_type[type.instance_type] += type.instances;
    const model::InstanceType* known = parts.catalogue.find(type.instance_type);
    if (known != nullptr && known->visible_gpus() > 0) result.nodes.gpu_launched += type.instances;
  }
  const Kubelets::Counts& counts = parts.kubelets.counts();
  result.nodes.peak = counts.peak;
  result.nodes.final = counts.now;
  result.nodes.gpu_peak = counts.gpu_peak;
  result.nodes.gpu_final = counts.gpu_now;
  result.pods = parts.chronicle.pods();
  result.wait = parts.chronicle.wait();
  const GpuTime gpu = parts.cloud->gpu_time();
  result.gpu.bought_us = gpu.bought_ms * 1000;
  result.gpu.requested_us = parts.kubelets.gpu_microseconds_held();
  result.gpu.idle_us = (gpu.bought_ms - gpu.used_ms) * 1000;
  result.spot.interruptions = parts.kubelets.interruptions();
  result.spot.notices_handled = parts.kubelets.notices_handled();
  result.spot.pod_time_lost = parts.kubelets.lost_run_time();
  result.diagnostics = parts.diagnostics;
  return result;
}

std::vector<model::Typed> World::objects() const {
  return parts_->store.everything();
}

std::int64_t World::failed_checks() const {
  return parts_->checkers.failures();
}

}  // namespace gputide::sim
