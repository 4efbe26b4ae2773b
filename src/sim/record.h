// Records: what happened in a run, one line each, in order. The timeline, events.jsonl and the
// report are made of them.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "model/value.h"

namespace gputide::sim {

struct Record {
  Instant at;
  std::string_view
      kind;  // a constant with a stable name: "InstanceLaunched", "PodScheduled", "ScaleUp" ...
  std::string actor;  // who did it: "ec2", "kube-scheduler", "cluster-autoscaler", "kubelet" ...
  std::string
      subject;  // what it happened to: "pod default/train-0", "node ip-10-0-1-7", "group gpu-a"
  std::string message;       // for a person: what, and why
  model::Value::Map fields;  // for programs; keys are stable
};

/// Takes records as they come. Implementations: the timeline, the JSON lines, the totals, the
/// report.
class Recorder {
 public:
  virtual ~Recorder() = default;
  virtual void record(const Record& record) = 0;
};

}  // namespace gputide::sim
