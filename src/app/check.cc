#include <cstdio>

#include <fmt/core.h>

#include "app/commands.h"
#include "app/findings.h"
#include "app/input.h"
#include "codec/json.h"
#include "decide/checking/checking.h"

namespace gputide::app {
namespace {

void print(const std::vector<Diagnostic>& findings, Output output) {
  if (output == Output::Json) {
    model::Value report{model::Value::Map{}};
    report.set("diagnostics", to_json(findings));
    fmt::print("{}\n", codec::write_json(report, codec::JsonStyle::Indented));
    return;
  }
  for (const Diagnostic& finding : findings) fmt::print("{}\n", text(finding));
  fmt::print("{}\n", count_text(findings));
}

}  // namespace

int check(const CheckOptions& options) {
  Diagnostics diagnostics;
  const Input input = load_input(options.input, diagnostics);
  checking::check(input.objects(), pricing::Catalogue::builtin(), {}, diagnostics);
  print(diagnostics.sorted(), options.output);
  return diagnostics.has_errors() ? kBadInput : kDone;
}

}  // namespace gputide::app
