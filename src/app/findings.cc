#include "app/findings.h"

#include <algorithm>
#include <cstdint>

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

std::string count_text(const std::vector<Diagnostic>& diagnostics) {
  const auto errors = std::count_if(diagnostics.begin(), diagnostics.end(),
                                    [](const auto& d) { return d.severity == Severity::Error; });
  return plural(errors, "error") + ", " +
         plural(static_cast<std::int64_t>(diagnostics.size()) - errors, "warning");
}

}  // namespace gputide::app
