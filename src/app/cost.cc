// gputide cost: what the cluster of these files costs, and what a change to them does to that.
#include <memory>

#include <fmt/core.h>

#include "app/commands.h"
#include "app/cost_view.h"
#include "app/findings.h"
#include "app/simulation.h"
#include "codec/json.h"

namespace gputide::app {
namespace {

/// One set of files.
struct Side {
  Checked checked;
  std::vector<Diagnostic> findings;
  PricedFiles priced;
};

// nullptr: it was said what is wrong. What AWS no longer sells is priced as it was.
std::unique_ptr<const Side> price(const CostOptions& options, const std::string& also) {
  InputOptions files = options.input;
  if (!also.empty()) files.paths.push_back(also);
  Diagnostics diagnostics;
  checking::Options as_it_was;
  as_it_was.as_it_was = true;
  Checked checked = load_and_check(files, as_it_was, diagnostics);
  if (refuse(diagnostics, checked.input, options.output)) return nullptr;
  std::vector<Diagnostic> findings = in_order(diagnostics, checked.input);
  Result<PricedFiles> priced = price_files(options, checked);
  if (!priced) {
    fmt::print(stderr, "gputide cost: {}{}\n", also.empty() ? "" : also + ": ",
               priced.error().message);
    return nullptr;
  }
  return std::make_unique<const Side>(
      Side{std::move(checked), std::move(findings), std::move(*priced)});
}

bool all_known(const PricedFiles& priced) {
  return priced.unpriced() == 0 && (!priced.plan || priced.plan->unplaced.empty());
}

int answer(const PricedFiles& a, const PricedFiles* b) {
  return all_known(a) && (b == nullptr || all_known(*b)) ? kDone : kFailed;
}

int one(const CostOptions& options) {
  const auto side = price(options, "");
  if (!side) return kBadInput;
  if (options.output == Output::Json) {
    model::Value report = cost_json(side->priced);
    report.set("diagnostics", to_json(side->findings));
    fmt::print("{}\n", codec::write_json(report, codec::JsonStyle::Indented));
  } else {
    for (const Diagnostic& finding : side->findings) fmt::print(stderr, "{}\n", text(finding));
    print_cost(side->priced);
  }
  return answer(side->priced, nullptr);
}

int change(const CostOptions& options) {
  const auto a = price(options, options.compare[0]);
  if (!a) return kBadInput;
  const auto b = price(options, options.compare[1]);
  if (!b) return kBadInput;
  if (options.output == Output::Json) {
    fmt::print("{}\n",
               codec::write_json(change_json(a->priced, b->priced), codec::JsonStyle::Indented));
  } else {
    print_change(a->priced, b->priced);
    fmt::print("\nA: {}\nB: {}\n", options.compare[0], options.compare[1]);
  }
  return answer(a->priced, &b->priced);
}

}  // namespace

int cost(const CostOptions& options) {
  if (!options.compare.empty()) return change(options);
  if (!options.input.paths.empty()) return one(options);
  fmt::print(stderr, "gputide cost: no files are named; write gputide cost -f FILE ...\n");
  return kBadInput;
}

}  // namespace gputide::app
