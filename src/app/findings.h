// Findings on their way to a person or a program.
#pragma once

#include <string>
#include <vector>

#include "app/input.h"
#include "base/diagnostic.h"
#include "model/value.h"

namespace gputide::app {

/// {"file", "line", "column", "severity", "code", "what", "remedy", "fix": [{"line", "column",
/// "begin", "end", "text"}]}, as an array element of `-o json`. begin and end are byte offsets.
model::Value to_json(const Diagnostic& diagnostic);
model::Value to_json(const std::vector<Diagnostic>& diagnostics);

/// Findings by file in the order in which `input` has them, then by place; those of other files
/// last.
std::vector<Diagnostic> in_order(const Diagnostics& diagnostics, const Input& input);

/// "2 errors, 1 warning".
std::string count_text(const std::vector<Diagnostic>& diagnostics);

}  // namespace gputide::app
