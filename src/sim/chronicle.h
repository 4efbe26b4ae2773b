// Chronicle: tells what becomes of pods and nodes, and counts them, from the changes of the store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "port/result.h"
#include "sim/store.h"
#include "sim/telling.h"

namespace gputide::sim {

/// A workload's pod: neither a DaemonSet's nor of kube-system.
bool is_counted(const model::Pod& pod);

/// The GPU resource that the pod asks for, and how many; "" and 0 for none.
struct GpuAsk {
  std::string_view resource;  // belongs to the spec
  std::int64_t count = 0;
};
GpuAsk gpu_ask(const model::PodSpec& spec);

class Chronicle final : public StoreListener {
 public:
  Chronicle(Store& store, Telling& telling, const Heap& heap);

  void changed(port::Change change, const model::Typed& now, const model::Typed& before) override;
  void evicted(const model::Pod& pod, std::string_view by);
  void preempted(const model::Pod& pod, std::string_view by);

  const port::RunResult::Pods& pods() const { return pods_; }
  /// When a pod or node last came, went or entered another phase.
  Instant last_change() const { return last_change_; }
  /// From creation to running, of the counted pods that ever ran.
  std::optional<port::RunResult::Wait> wait() const;

 private:
  void pod_changed(port::Change change, const model::Pod& now, const model::Pod* before);
  void pod_created(const model::Pod& pod);
  void phase_changed(const model::Pod& now, const std::string& before);
  void node_changed(port::Change change, const model::Node& now, const model::Node* before);

  Telling& telling_;
  const Heap& heap_;
  port::RunResult::Pods pods_;
  Instant last_change_;
  std::vector<std::int64_t> waits_;  // nanoseconds
};

}  // namespace gputide::sim
