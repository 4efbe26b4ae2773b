// From a command line to a running autoscaler.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "decide/pricing/catalogue.h"
#include "decide/scaling/options.h"
#include "port/controller.h"

namespace gputide::autoscaler {

/// The program as its pod starts it: `flags` without the program itself; `image` names upstream's
/// release (today's when it names none). `compat` holds unless --compat says otherwise. Errors:
/// what the program would print before it ends.
Result<std::unique_ptr<port::Controller>> start(std::span<const std::string> flags,
                                                scaling::Compat compat, std::string_view image,
                                                const pricing::Catalogue& catalogue,
                                                std::uint64_t seed);

}  // namespace gputide::autoscaler
