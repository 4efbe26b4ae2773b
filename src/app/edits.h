// Edits on texts, and what they changed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"

namespace gputide::app {

/// Which edits were made, and the text that they left.
struct Edited {
  std::string text;
  std::size_t made = 0;  // fixes, not edits: a fix is made wholly or not at all
};

/// Makes fixes on a text, first come first served: one that overlaps with an earlier one, or
/// inserts at the same place, is left for the next time. Fixes whose bytes lie outside the text are
/// left out.
Edited make_fixes(std::string_view text, const std::vector<const Diagnostic*>& findings);

/// A unified diff (three lines around each change) as `diff -u` prints it; "" for equal texts.
std::string unified_diff(std::string_view name, std::string_view before, std::string_view after);

}  // namespace gputide::app
