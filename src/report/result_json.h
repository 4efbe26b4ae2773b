// The result object of `-o json` and result.json. docs/reference/result.md explains the keys.
#pragma once

#include <string>

#include "port/result.h"

namespace gputide::report {

/// Indented, in the documented order, with a final line feed. Amounts are exact decimals.
std::string result_json(const port::RunResult& result);

}  // namespace gputide::report
