// Findings on their way to a person or a program.
#pragma once

#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "model/value.h"

namespace gputide::app {

/// {"file", "line", "column", "severity", "code", "what", "remedy", "fix": [{"line", "column",
/// "begin", "end", "text"}]}, as an array element of `-o json`. begin and end are byte offsets.
model::Value to_json(const Diagnostic& diagnostic);
model::Value to_json(const std::vector<Diagnostic>& diagnostics);

/// "2 errors, 1 warning".
std::string count_text(const std::vector<Diagnostic>& diagnostics);

}  // namespace gputide::app
