#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace gputide {

void check_failed(const char* expression, const std::source_location& where) {
  std::fprintf(stderr, "%s:%u: in %s: bug: this must hold: %s\n", where.file_name(), where.line(),
               where.function_name(), expression);
  std::abort();
}

}  // namespace gputide
