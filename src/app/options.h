// What the command line says, as plain data: one struct a subcommand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace gputide::app {

/// What every subcommand that reads files shares.
struct InputOptions {
  std::vector<std::string> paths;           // -f FILE|DIR|-, in order
  bool recursive = false;                   // -R: directories below directories too
  std::vector<std::string> prices;          // --prices: answers of describe-spot-price-history
  std::vector<std::string> instance_types;  // --instance-types: answers of describe-instance-types
  /// --capacity-reservations: answers of describe-capacity-reservations.
  std::vector<std::string> reservations;
};

enum class Output { Text, Json };

struct CheckOptions {
  InputOptions input;
  Output output = Output::Text;
  bool fix = false;
  bool diff = false;  // show what --fix would change, change nothing
};

struct PlanOptions {
  InputOptions input;
  Output output = Output::Text;
  std::string region;              // --region; empty: by the NodePools' zones
  std::vector<std::string> zones;  // --zones; empty: a, b and c of the region
  bool certificate = false;        // --bound-certificate
  std::string print_template;      // --print-template TYPE: only say what a node of it offers
  std::string config;              // --config FILE, with it: the device plugin's configuration
  std::string mig_config;          // --mig-config, with it: the node's label nvidia.com/mig.config
};

struct CostOptions {
  InputOptions input;
  Output output = Output::Text;
  std::string region;                // --region, as of plan
  std::vector<std::string> zones;    // --zones
  std::vector<std::string> compare;  // --compare A B: what each of the two adds to the files
};

struct ExplainOptions {
  InputOptions input;
  Output output = Output::Text;
  std::string name;                    // a pod's, or its workload's
  std::string namespace_ = "default";  // -n
  std::optional<std::string> at;       // --at, as written: the moment; absent: the run's end
  std::optional<std::uint64_t> seed;   // --seed
  std::string market = "advisor";      // --market
};

struct SimulateOptions {
  InputOptions input;
  Output output = Output::Text;
  std::string out;                     // --out DIR: result.json, events.jsonl, report.html, CSV
  std::optional<std::string> until;    // --until, as written; over the Scenario's
  std::string until_flag = "--until";  // what that flag is called
  std::optional<std::uint64_t> seed;   // --seed; over the Scenario's
  std::string market = "advisor";      // --market
  bool wide = false;                   // --wide: every record, ungrouped
  bool no_lower_bound = false;         // --no-lower-bound
  std::vector<std::string> compare;    // --compare A B: what each of the two adds to the files
  std::uint64_t seeds = 1;             // --seeds N: futures to compare in
};

}  // namespace gputide::app
