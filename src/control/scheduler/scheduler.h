// kube-scheduler as a controller: pods that wait are given nodes, or told why not.
// Semantics: kube-scheduler 1.31, default profile; see README.md for what differs.
#pragma once

#include <memory>
#include <string_view>

#include "base/rng.h"
#include "port/controller.h"

namespace gputide::control {

class KubeScheduler final : public port::Controller {
 public:
  /// `rng` decides between equally good nodes.
  explicit KubeScheduler(Rng rng);
  ~KubeScheduler() override;

  std::string_view name() const override { return "kube-scheduler"; }
  void step(const port::Event& event, Instant now, port::Commands& commands) override;
  /// False while a pod that may be tried again is held back after a failure.
  bool at_rest() const override;

 private:
  class Desk;
  std::unique_ptr<Desk> desk_;
};

}  // namespace gputide::control
