#include "decide/scaling/request_capacity.h"

#include <set>

#include <fmt/core.h>

namespace gputide::scaling {
namespace {

std::string room_for(const std::vector<NodeId>& placed) {
  const std::set<NodeId> nodes(placed.begin(), placed.end());
  return fmt::format("room for {} {} on {} {}", placed.size(), placed.size() == 1 ? "pod" : "pods",
                     nodes.size(), nodes.size() == 1 ? "node" : "nodes");
}

}  // namespace

bool check_capacity(const RequestTrial& trial, std::size_t request) {
  const std::vector<PodRef>& pods = trial.requests.pods(request);
  trial.simulation.fork();
  const std::vector<NodeId> placed =
      trial.placer.place(pods, {}, {}, OnFailure::Stop, trial.simulation, trial.shapes);
  if (placed.size() == pods.size() && placed.back() != kNoNode) {
    trial.simulation.commit();
    trial.requests.provisioned(request, Capacity::Found, room_for(placed));
    return true;
  }
  trial.simulation.revert();
  const std::size_t fit = placed.size() - 1;
  trial.requests.not_found(
      request,
      fmt::format("{} of {} pods would find room",
                  fit == 0 ? std::string("none") : fmt::format("only {}", fit), pods.size()));
  return false;
}

ScaleUpResult provision_at_once(const RequestTrial& trial, std::size_t request,
                                const ScaleUpInput& input, const ScaleUpRules& rules, Rng* rng) {
  const std::vector<PodRef>& pods = trial.requests.pods(request);
  trial.simulation.fork();
  const std::vector<NodeId> placed =
      trial.placer.place(pods, {}, {}, OnFailure::GoOn, trial.simulation, trial.shapes);
  std::vector<PodRef> left;
  for (std::size_t i = 0; i < pods.size(); ++i)
    if (placed[i] == kNoNode) left.push_back(pods[i]);
  ScaleUpResult result;
  if (!left.empty()) result = scale_up(left, input, rules, trial.simulation, trial.shapes, rng);
  trial.simulation.revert();
  // Its pods are no objects.
  std::erase_if(result.events,
                [](const PlanEvent& event) { return event.about == PlanEvent::About::Pod; });
  std::int64_t nodes = 0;
  for (SetSize& size : result.resize) {
    nodes += size.to - size.from;
    size.request = trial.requests.request(request);
  }
  if (left.empty())
    trial.requests.provisioned(request, Capacity::Found, room_for(placed));
  else if (nodes == 0)
    trial.requests.not_found(request, result.why_not_all);
  else
    trial.requests.provisioned(
        request, Capacity::Bought,
        fmt::format("{} more {} for {} of {} pods", nodes, nodes == 1 ? "node" : "nodes",
                    left.size(), pods.size()));
  return result;
}

}  // namespace gputide::scaling
