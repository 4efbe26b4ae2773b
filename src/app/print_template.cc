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

// The configuration in a file: its text, or the only one of the ConfigMap that it is.
Result<std::string> config_text(const std::string& file) {
  Result<std::string> text = read_file(file, kConfigLimit);
  if (!text) return fail(file + ": " + text.error().message);
  Diagnostics other;  // of a text that is no object
  for (const model::Object& object : codec::read_objects(*text, file, other)) {
    const auto* map = object.as<model::ConfigMap>();
    if (map == nullptr) continue;
    if (map->data.size() == 1) return map->data.begin()->second;
    return fail(fmt::format("{}: the ConfigMap has {} keys; give the text of one as a file", file,
                            map->data.size()));
  }
  return text;
}

Result<model::PluginConfig> config_of(const std::string& file, Diagnostics& diagnostics) {
  if (file.empty()) return model::PluginConfig();
  const Result<std::string> text = config_text(file);
  if (!text) return tl::unexpected(text.error());
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
