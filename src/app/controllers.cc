#include "app/controllers.h"

#include "control/autoscaler/start.h"

namespace gputide::app {
namespace {

sim::ProgramFactory autoscaler(scaling::Compat compat) {
  return [compat](const sim::ProgramStart& start) {
    return gputide::autoscaler::start(start.program.flags, compat, start.program.image,
                                      start.catalogue, start.seed);
  };
}

}  // namespace

void add_controllers(sim::World& world) {
  world.set_factory(sim::ProgramKind::ClusterAutoscaler, autoscaler(scaling::Compat::Upstream));
  world.set_factory(sim::ProgramKind::GputideAutoscaler, autoscaler(scaling::Compat::Gputide));
}

}  // namespace gputide::app
