// From a command line to a running provisioner.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "decide/pricing/catalogue.h"
#include "port/controller.h"

namespace gputide::provisioner {

/// The program as its pod starts it: `flags` without the program itself, its environment as
/// NAME=value. `cluster` is what it is called when neither names one. Errors: what the program
/// would print before it ends.
Result<std::unique_ptr<port::Controller>> start(std::span<const std::string> flags,
                                                std::span<const std::string> environment,
                                                const std::string& cluster,
                                                const std::string& region,
                                                const pricing::Catalogue& catalogue,
                                                std::uint64_t seed);

}  // namespace gputide::provisioner
