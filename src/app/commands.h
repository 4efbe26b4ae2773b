// The subcommands. Each returns the program's exit code.
#pragma once

#include "app/options.h"

namespace gputide::app {

// The exit codes of every subcommand.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;    // the work failed
inline constexpr int kBadInput = 2;  // the input is wrong; nothing was done
inline constexpr int kRefused = 3;   // limits, safety
inline constexpr int kInterrupted = 130;

/// Prints everything that is wrong with the files; with `fix`, mends what is safe to mend.
int check(const CheckOptions& options);

/// Says which nodes the NodePools among the files would buy for the pods among them, at what price,
/// and how far that is from the least possible. kFailed: some pods find no node.
int plan(const PlanOptions& options);

/// Prints the devices and labels that a node of `options.print_template` offers with the device
/// plugin's configuration, as JSON: {"resources": {}, "labels": {}}.
int print_template(const PlanOptions& options);

/// Prices the cluster that the files describe at its sizes, and what would be bought for their
/// pods; with `compare`, what a change makes of that. kFailed: some price is not known, or some
/// pods find no node.
int cost(const CostOptions& options);

/// Runs the files in a simulated world up to a moment, and says of a pod where it is, or what keeps
/// it off each pool and what would help. kFailed: there is no such pod.
int explain(const ExplainOptions& options);

/// Runs the files in a simulated world and tells what happened.
int simulate(const SimulateOptions& options);

/// Reads the command line and runs the subcommand that it names.
int run(int argc, char** argv);

}  // namespace gputide::app
