#include "app/controllers.h"

#include "control/autoscaler/start.h"
#include "control/provisioner/start.h"

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
  world.set_factory(sim::ProgramKind::GputideProvisioner, [](const sim::ProgramStart& start) {
    return gputide::provisioner::start(start.program.flags, start.program.environment,
                                       start.cluster, start.region, start.catalogue, start.seed);
  });
  world.set_factory(
      sim::ProgramKind::Karpenter,
      [](const sim::ProgramStart&) -> Result<std::unique_ptr<port::Controller>> {
        return fail(
            "Karpenter itself is not simulated; run gputide provisioner in its place, which reads "
            "the same objects");
      });
}

}  // namespace gputide::app
