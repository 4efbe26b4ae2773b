// JSON text <-> Value. For machine-made JSON; what a person wrote goes through yaml.h, which keeps
// places.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/value.h"

namespace gputide::codec {

/// Reads one JSON text (RFC 8259; depth at most 500; of repeated keys the last wins, as
/// encoding/json does). Integers that do not fit int64 become doubles.
Result<model::Value> read_json(std::string_view text);

enum class JsonStyle { Compact, Indented };

/// Writes JSON in member order. Indented uses two spaces, as `kubectl -o json` does with four.
std::string write_json(const model::Value& value, JsonStyle style = JsonStyle::Compact);

/// Appends `text` as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace gputide::codec
