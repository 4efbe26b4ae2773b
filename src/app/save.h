// Writing several files as one.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace gputide::app {

struct FileContent {
  std::string path;
  std::string text;
};

/// Replaces all files or none: every new text is on disk beside its file before the first takes its
/// place, and what was replaced is put back when one cannot. Permissions stay. Errors name the
/// file.
Result<void> save_all(const std::vector<FileContent>& files);

}  // namespace gputide::app
