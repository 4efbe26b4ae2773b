#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>

#include "app/commands.h"

// No exception crosses a folder, so what arrives here is the machine's failure or a bug.
int main(int argc, char** argv) {
  try {
    const int status = gputide::app::run(argc, argv);
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
    std::fprintf(stderr, "gputide: standard output: %s\n", std::strerror(errno));
  } catch (const std::bad_alloc&) {
    std::fputs("gputide: out of memory\n", stderr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "gputide: %s\n", error.what());
  }
  return gputide::app::kFailed;
}
