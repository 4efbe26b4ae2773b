// gputide plan --print-template: what a node of a type will offer, before there is one.
#include <fmt/core.h>

#include "app/commands.h"
#include "app/findings.h"
#include "app/input.h"
#include "codec/json.h"
#include "codec/objects.h"
#include "decide/pricing/catalogue.h"
#include "decide/sharing/offer.h"

namespace gputide::app {
namespace {

constexpr std::size_t kConfigLimit = std::size_t{1} << 20;

Result<model::PluginConfig> config_of(const std::string& file, Diagnostics& diagnostics) {
  if (file.empty()) return model::PluginConfig();
  const Result<std::string> text = read_file(file, kConfigLimit);
  if (!text) return fail(file + ": " + text.error().message);
  return codec::read_plugin_config(*text, file, diagnostics);
}

Result<sharing::NodeOffer> offer_of(const PlanOptions& options, Diagnostics& diagnostics) {
  const auto type = pricing::Catalogue::builtin().get(options.print_template);
  if (!type) return tl::unexpected(type.error());
  sharing::PluginSetup setup;
  auto config = config_of(options.config, diagnostics);
  if (!config) return tl::unexpected(config.error());
  setup.config = std::move(*config);
  return sharing::offer(**type, setup, {}, options.mig_config);
}

}  // namespace

int print_template(const PlanOptions& options) {
  Diagnostics diagnostics;
  const Result<sharing::NodeOffer> offer = offer_of(options, diagnostics);
  for (const Diagnostic& finding : diagnostics.list()) fmt::print(stderr, "{}\n", text(finding));
  if (diagnostics.has_errors()) return kBadInput;
  if (!offer) {
    fmt::print(stderr, "gputide plan: {}\n", offer.error().message);
    return kBadInput;
  }
  for (const std::string& warning : offer->warnings) fmt::print(stderr, "warning: {}\n", warning);
  model::Value resources{model::Value::Map{}}, labels{model::Value::Map{}}, both;
  for (const auto& [name, amount] : offer->resource_list()) resources.set(name, amount.text());
  for (const auto& [key, value] : offer->labels) labels.set(key, value);
  both.set("resources", std::move(resources));
  both.set("labels", std::move(labels));
  fmt::print("{}\n", codec::write_json(both, codec::JsonStyle::Indented));
  return kDone;
}

}  // namespace gputide::app
