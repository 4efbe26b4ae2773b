// What the command line says, as plain data: one struct a subcommand.
#pragma once

#include <string>
#include <vector>

namespace gputide::app {

/// What every subcommand that reads files shares.
struct InputOptions {
  std::vector<std::string> paths;           // -f FILE|DIR|-, in order
  bool recursive = false;                   // -R: directories below directories too
  std::vector<std::string> prices;          // --prices: answers of describe-spot-price-history
  std::vector<std::string> instance_types;  // --instance-types: answers of describe-instance-types
};

enum class Output { Text, Json };

struct CheckOptions {
  InputOptions input;
  Output output = Output::Text;
  bool fix = false;
  bool diff = false;  // show what --fix would change, change nothing
};

}  // namespace gputide::app
