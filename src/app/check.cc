// gputide check: findings, and their mending.
#include <algorithm>
#include <cstdio>

#include <fmt/core.h>

#include "app/commands.h"
#include "app/edits.h"
#include "app/findings.h"
#include "app/input.h"
#include "app/mend.h"
#include "app/save.h"
#include "codec/json.h"

namespace gputide::app {
namespace {

std::string plural(std::size_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

// "1 error, 2 warnings in 5 objects of 3 files; --fix mends 2".
std::string summary(const std::vector<Diagnostic>& findings, const Input& input) {
  std::size_t objects = 0;
  for (const InputFile& file : input.files) objects += file.objects.size();
  const auto fixable =
      std::count_if(findings.begin(), findings.end(),
                    [](const Diagnostic& finding) { return !finding.fix.empty(); });
  return fmt::format("{} in {} of {}{}", count_text(findings), plural(objects, "object"),
                     plural(input.files.size(), "file"),
                     fixable > 0 ? fmt::format("; --fix mends {}", fixable) : "");
}

void print(const std::vector<Diagnostic>& findings, const CheckOptions& options,
           const Input& input) {
  if (options.output == Output::Json) {
    model::Value report{model::Value::Map{}};
    report.set("diagnostics", to_json(findings));
    fmt::print("{}\n", codec::write_json(report, codec::JsonStyle::Indented));
    return;
  }
  for (const Diagnostic& finding : findings) fmt::print("{}\n", text(finding));
  fmt::print("{}\n", summary(findings, input));
}

std::vector<const InputFile*> changed_files(const Input& before, const Input& after) {
  std::vector<const InputFile*> changed;
  for (std::size_t i = 0; i < after.files.size(); ++i)
    if (after.files[i].text != before.files[i].text) changed.push_back(&after.files[i]);
  return changed;
}

int fix(const CheckOptions& options, const Checked& checked, const Diagnostics& found) {
  const Mended mended = mend(checked, found);
  const auto changed = changed_files(checked.input, mended.input);
  std::vector<FileContent> contents;
  for (const InputFile* file : changed) contents.push_back({file->path, file->text});
  if (const auto saved = save_all(contents); !saved) {
    fmt::print(stderr, "gputide: nothing was changed: {}\n", saved.error().message);
    return kFailed;
  }
  print(in_order(mended.diagnostics, mended.input), options, mended.input);
  if (options.output == Output::Text)
    for (const InputFile* file : changed) fmt::print("mended {}\n", file->name);
  return mended.diagnostics.has_errors() ? kBadInput : kDone;
}

// The diff alone is on stdout, for patch; what it comes of is counted beside it.
int show_diff(const Checked& checked, const Diagnostics& found) {
  fmt::print(stderr, "{}\n", summary(in_order(found, checked.input), checked.input));
  const Mended mended = mend(checked, found);
  for (std::size_t i = 0; i < mended.input.files.size(); ++i) {
    const InputFile& after = mended.input.files[i];
    fmt::print("{}", unified_diff(after.name, checked.input.files[i].text, after.text));
  }
  return found.has_errors() ? kBadInput : kDone;
}

}  // namespace

int check(const CheckOptions& options) {
  if (options.input.paths.empty()) {
    fmt::print(stderr, "gputide check: no files are named; write gputide check -f FILE or -f .\n");
    return kBadInput;
  }
  if (options.diff && options.output == Output::Json) {
    fmt::print(
        stderr,
        "gputide check: --diff prints a unified diff; -o json without it has each \"fix\"\n");
    return kBadInput;
  }
  Diagnostics diagnostics;
  const Checked checked = load_and_check(options.input, {}, diagnostics);
  if (options.diff) return show_diff(checked, diagnostics);
  if (options.fix) return fix(options, checked, diagnostics);
  print(in_order(diagnostics, checked.input), options, checked.input);
  return diagnostics.has_errors() ? kBadInput : kDone;
}

}  // namespace gputide::app
