// Why an option was chosen and the others were not, in words.
#pragma once

#include <span>
#include <string>

#include "decide/scaling/expander.h"

namespace gputide::scaling {

/// Runs the expanders again and says where each of the other options was left behind, for instance
/// "gpu-a (least-waste 1.31) before gpu-big (1.72)".
std::string explain_choice(std::span<const std::string> expanders,
                           std::span<const ExpansionOption> options, std::size_t best,
                           const ExpanderContext& context);

}  // namespace gputide::scaling
