// Programs that a simulated world does more about than run their containers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/pod.h"

namespace gputide::sim {

enum class ProgramKind {
  ClusterAutoscaler,       // upstream's
  GputideAutoscaler,       // `gputide autoscaler`
  GputideProvisioner,      // `gputide provisioner`
  Karpenter,               // Karpenter's controller for AWS
  NodeTerminationHandler,  // aws-node-termination-handler
  Cni,                     // makes its node ready: amazon-k8s-cni, cilium
};

struct Program {
  ProgramKind kind = ProgramKind::ClusterAutoscaler;
  /// Its flags: what follows the program (and its subcommand) in command and args, with $(NAME) of
  /// its environment filled in.
  std::vector<std::string> flags;
  std::string image;
  /// Its environment, as written: NAME=value.
  std::vector<std::string> environment;
};

/// The first of the pod's containers that runs such a program, by the first word of its command
/// (or args), else by its image. nullopt: none does.
std::optional<Program> program_of(const model::PodSpec& spec);

}  // namespace gputide::sim
