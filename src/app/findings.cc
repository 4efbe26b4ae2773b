#include "app/findings.h"

#include <algorithm>
#include <cstdint>
#include <map>

#include <fmt/core.h>

namespace gputide::app {
namespace {

model::Value number(std::uint32_t n) {
  return model::Value(static_cast<std::int64_t>(n));
}

std::string plural(std::int64_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

}  // namespace

model::Value to_json(const Diagnostic& diagnostic) {
  model::Value out{model::Value::Map{}};
  out.set("file", diagnostic.file);
  out.set("line", number(diagnostic.where.line));
  out.set("column", number(diagnostic.where.column));
  out.set("severity", diagnostic.severity == Severity::Error ? "error" : "warning");
  out.set("code", diagnostic.code);
  out.set("what", diagnostic.what);
  out.set("remedy", diagnostic.remedy);
  model::Value::List edits;
  for (const Edit& edit : diagnostic.fix) {
    model::Value& item = edits.emplace_back(model::Value::Map{});
    item.set("line", number(edit.where.line));
    item.set("column", number(edit.where.column));
    item.set("begin", number(edit.where.begin));
    item.set("end", number(edit.where.end));
    item.set("text", edit.text);
  }
  out.set("fix", std::move(edits));
  return out;
}

model::Value to_json(const std::vector<Diagnostic>& diagnostics) {
  model::Value::List items;
  items.reserve(diagnostics.size());
  for (const Diagnostic& diagnostic : diagnostics) items.push_back(to_json(diagnostic));
  return model::Value(std::move(items));
}

std::vector<Diagnostic> in_order(const Diagnostics& diagnostics, const Input& input) {
  std::map<std::string_view, std::size_t> rank;
  for (const InputFile& file : input.files) rank.emplace(file.name, rank.size());
  const auto rank_of = [&](const Diagnostic& finding) {
    const auto found = rank.find(finding.file);
    return found == rank.end() ? rank.size() : found->second;
  };
  std::vector<Diagnostic> findings = diagnostics.sorted();
  std::stable_sort(findings.begin(), findings.end(), [&](const Diagnostic& a, const Diagnostic& b) {
    return rank_of(a) < rank_of(b);
  });
  return findings;
}

std::string count_text(const std::vector<Diagnostic>& diagnostics) {
  const auto errors = std::count_if(diagnostics.begin(), diagnostics.end(),
                                    [](const auto& d) { return d.severity == Severity::Error; });
  return plural(errors, "error") + ", " +
         plural(static_cast<std::int64_t>(diagnostics.size()) - errors, "warning");
}

}  // namespace gputide::app
