// The controller manager on a store, without machines: pods become ready when a test says so.
#pragma once

#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "codec/objects.h"
#include "control/workloads/manager.h"
#include "sim/controller_host.h"
#include "sim/store.h"

namespace gputide::sim {

class WorkloadsTest : public ::testing::Test {
 protected:
  WorkloadsTest() {
    host.add(std::make_unique<workloads::ControllerManager>(), Priority::Controller, {});
  }
  void apply(const std::string& yaml) {
    Diagnostics diagnostics;
    for (const model::Object& object : codec::read_objects(yaml, "t.yaml", diagnostics)) {
      const Result<Applied> applied = store.apply(object);
      EXPECT_TRUE(applied) << (applied ? "" : applied.error().message);
    }
    EXPECT_TRUE(diagnostics.list().empty());
    settle();
  }
  void settle(Duration span = Duration::seconds(1)) {
    const Instant end = heap.now() + span;
    while (!heap.empty() && heap.next_at() <= end) heap.step();
    class Tick final : public Handler {
      void fire(std::uint64_t, Instant) override {}
    } tick;
    heap.at(end, Priority::Report, tick);
    while (!heap.empty() && heap.next_at() <= end) heap.step();
  }
  void set_phase(const std::string& name, const std::string& phase) {
    auto pod = std::make_shared<model::Pod>(*store.pod("default", name));
    pod->status.phase = phase;
    pod->status.conditions = {
        {"Ready", phase == "Running" ? "True" : "False", {}, {}, heap.now(), {}}};
    ASSERT_TRUE(store.replace(PodRef(std::move(pod))));
    settle();
  }
  void all_ready() {
    for (const PodRef& pod : store.list<model::Pod>())
      if (pod->status.phase == "Pending") set_phase(pod->metadata.name, "Running");
  }
  std::map<std::string, int> images() {
    std::map<std::string, int> count;
    for (const PodRef& pod : store.list<model::Pod>()) ++count[pod->spec->containers[0].image];
    return count;
  }
  void add_node(const std::string& name, bool gpu) {
    auto node = std::make_shared<model::Node>();
    node->metadata.name = name;
    if (gpu) node->metadata.labels["gpu"] = "yes";
    node->status.conditions.push_back({"Ready", "True", {}, {}, {}, {}});
    ASSERT_TRUE(store.create(NodeRef(std::move(node))));
    settle();
  }

  Heap heap{Instant::from_seconds(1767225600)};
  Store store{heap, 1};
  Telling telling{heap};
  ControllerHost host{heap, store, nullptr, telling};
};

inline std::string deployment(int replicas, const std::string& image,
                              const std::string& more = {}) {
  return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: " +
         std::to_string(replicas) + "\n  selector: {matchLabels: {app: web}}\n" + more +
         "  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers:\n        - "
         "{name: c, image: \"" +
         image + "\"}\n";
}

}  // namespace gputide::sim
