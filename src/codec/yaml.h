// YAML text -> Values with places, read as kubectl reads it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "model/value.h"

namespace gputide::codec {

/// Bounds on what is read. Beyond them the file is refused; none is reached by files that people
/// write.
struct YamlLimits {
  std::size_t bytes = 64u << 20;
  std::size_t depth = 200;
  std::size_t nodes = 4'000'000;
  std::size_t nodes_from_aliases =
      100'000;                          // an alias bomb grows exponentially; this ends it early
  bool last_repeated_key_wins = false;  // as lax readers have it, instead of an error
};

/// Reads every document of `text`. Scalars resolve as YAML 1.1 does in kubectl's parser (yes, on,
/// 0x10, 1_000, ~); merge keys (<<) are applied, keys written in the map win. Empty documents are
/// left out. A syntax error ends the reading and is reported with libyaml's own words, which are
/// kubectl's. Repeated keys are errors that name the first place; the first value is kept.
std::vector<model::Value> read_yaml(std::string_view text, const std::string& file,
                                    Diagnostics& diagnostics, const YamlLimits& limits = {});

/// Writes block-style YAML that reads back to an equal Value; strings are quoted only where they
/// must be.
std::string write_yaml(const model::Value& value);

}  // namespace gputide::codec
