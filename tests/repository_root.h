// Where the repository's files are, for tests of any folder.
#pragma once

#include <filesystem>

namespace gputide::tests {

/// The repository's root, found upwards from the working folder; the working folder when there is
/// none.
inline std::filesystem::path repository_root() {
  std::filesystem::path here = std::filesystem::current_path();
  for (std::filesystem::path folder = here; folder.has_relative_path();
       folder = folder.parent_path())
    if (std::filesystem::exists(folder / "CMakePresets.json")) return folder;
  return here;
}

}  // namespace gputide::tests
