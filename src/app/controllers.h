// Which controller a program in a simulated pod is.
#pragma once

#include "sim/world.h"

namespace gputide::app {

/// Cluster Autoscaler, `gputide autoscaler` and `gputide provisioner`, each with its own flags.
void add_controllers(sim::World& world);

}  // namespace gputide::app
