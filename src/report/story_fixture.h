// A small run as records, for tests.
#pragma once

#include "port/record.h"
#include "port/result.h"

namespace gputide::report {

/// Ten pods on three spot nodes, one of which AWS takes back.
void tell_small_story(port::Recorder& recorder);
port::RunResult small_result();

}  // namespace gputide::report
