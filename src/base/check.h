// check(): assertions that stay on in release builds. For bugs of ours only, never for input.
#pragma once

#include <source_location>

namespace gputide {

[[noreturn]] void check_failed(const char* expression, const std::source_location& where);

}  // namespace gputide

/// Ends the program with the expression and its place when `expression` is false.
#define GPUTIDE_CHECK(expression) \
  (static_cast<bool>(expression)  \
       ? static_cast<void>(0)     \
       : ::gputide::check_failed(#expression, std::source_location::current()))
