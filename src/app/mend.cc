#include "app/mend.h"

#include <algorithm>

#include "app/edits.h"

namespace gputide::app {
namespace {

// Fixes may make way for others, or be in each other's way; this many rounds are more than enough.
constexpr int kMostRounds = 20;

std::ptrdiff_t error_count(const Diagnostics& diagnostics) {
  return std::count_if(diagnostics.list().begin(), diagnostics.list().end(),
                       [](const Diagnostic& d) { return d.severity == Severity::Error; });
}

// Makes the fixes of `diagnostics` in the texts; false when there was none to make.
bool fix_once(Input& input, const Diagnostics& diagnostics) {
  const std::vector<Diagnostic> findings = diagnostics.sorted();
  bool any = false;
  for (InputFile& file : input.files) {
    if (file.path == "-") continue;
    std::vector<const Diagnostic*> here;
    for (const Diagnostic& finding : findings)
      if (finding.file == file.name && !finding.fix.empty()) here.push_back(&finding);
    Edited edited = make_fixes(file.text, here);
    if (edited.text == file.text) continue;
    file.text = std::move(edited.text);
    any = true;
  }
  return any;
}

}  // namespace

Mended mend(const Checked& checked, const Diagnostics& found) {
  Mended mended{checked.input, found};
  for (int round = 0; round < kMostRounds; ++round) {
    Input next = mended.input;
    if (!fix_once(next, mended.diagnostics)) break;
    Diagnostics left;
    check_again(next, checked.catalogue, {}, left);
    if (error_count(left) > error_count(mended.diagnostics)) break;
    mended.input = std::move(next);
    mended.diagnostics = std::move(left);
  }
  return mended;
}

}  // namespace gputide::app
