// Numbers that may be a share of a total: maxUnavailable: 1, or "25%".
// Source: k8s.io/apimachinery 0.31 pkg/util/intstr.
#pragma once

#include <string_view>

#include "base/result.h"
#include "model/meta.h"

namespace gputide::model {

/// What a command line means: a number if it reads as a 32-bit one, else the text itself.
IntOrString parse_int_or_string(std::string_view text);

/// The number itself, or that share of `total`, rounded up or down.
Result<std::int64_t> scaled_value(const IntOrString& value, std::int64_t total, bool round_up);

}  // namespace gputide::model
