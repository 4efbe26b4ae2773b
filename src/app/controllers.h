// Which controller a program in a simulated pod is.
#pragma once

#include "sim/world.h"

namespace gputide::app {

/// Cluster Autoscaler and `gputide autoscaler`, each with its own flags.
void add_controllers(sim::World& world);

}  // namespace gputide::app
