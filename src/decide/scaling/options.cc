#include "decide/scaling/options.h"

#include <algorithm>
#include <limits>

#include <fmt/core.h>

#include "base/text.h"
#include "decide/scaling/numbers.h"
#include "decide/scaling/options_table.h"

namespace gputide::scaling {
namespace {

constexpr std::string_view kExpanders[] = {"random", "most-pods", "least-waste", "least-nodes",
                                           "price",  "priority",  "grpc"};

const Flag* find_flag(std::string_view name) {
  const std::span<const Flag> all = flags();
  const auto at =
      std::lower_bound(all.begin(), all.end(), name,
                       [](const Flag& flag, std::string_view n) { return flag.name < n; });
  return at != all.end() && at->name == name ? &*at : nullptr;
}

std::string_view kind_text(FlagKind kind) {
  switch (kind) {
    case FlagKind::Bool:
      return "true or false";
    case FlagKind::Int:
      return "a whole number";
    case FlagKind::Float:
      return "a number";
    case FlagKind::Time:
      return "a duration such as 10m or 90s";
    default:
      return "a text";
  }
}

template <class T>
bool assign(Options& options, const FlagMember& member, T value) {
  if (const auto* at = std::get_if<T Options::*>(&member)) options.*(*at) = std::move(value);
  return true;
}

// Sets one flag from its text; false when the text is not of the flag's kind.
bool set_flag(Options& options, const Flag& flag, std::string_view text) {
  switch (flag.kind) {
    case FlagKind::Bool: {
      const auto value = parse_bool(text);
      return value && assign(options, flag.member, *value);
    }
    case FlagKind::Int: {
      const auto value = parse_integer(text);
      return value && assign(options, flag.member, *value);
    }
    case FlagKind::Float: {
      const auto value = parse_float(text);
      return value && assign(options, flag.member, *value);
    }
    case FlagKind::Time: {
      const Result<Duration> value = Duration::parse(text);
      return value && assign(options, flag.member, *value);
    }
    case FlagKind::Text:
      return assign(options, flag.member, std::string(text));
    case FlagKind::TextList:
    case FlagKind::CommaList: {
      const auto* at = std::get_if<std::vector<std::string> Options::*>(&flag.member);
      if (at == nullptr) return true;
      if (flag.kind == FlagKind::TextList)
        (options.*(*at)).emplace_back(text);
      else
        for (const std::string_view part : split(text, ',')) (options.*(*at)).emplace_back(part);
      return true;
    }
  }
  return false;
}

// One reading of a command line.
class Parser {
 public:
  Parser(std::span<const std::string> arguments, Compat compat, Release release,
         const std::string& file, std::span<const Span> place, Diagnostics& diagnostics)
      : arguments_(arguments), file_(file), place_(place), diagnostics_(diagnostics) {
    for (const std::string& word : arguments_) {
      if (word == "--compat=upstream") compat = Compat::Upstream;
      if (word == "--compat=gputide") compat = Compat::Gputide;
    }
    options_ = default_options(compat, release);
  }

  Options run() {
    while (at_ < arguments_.size()) {
      const std::string_view word = arguments_[at_];
      where_ = at_ < place_.size() ? place_[at_] : Span{};
      ++at_;
      if (word == "--") break;
      if (word.starts_with("--"))
        long_flag(word.substr(2));
      else if (word.starts_with("-v"))
        short_v(word.substr(2));
      else if (word.size() > 1 && word[0] == '-')
        error("unknown-flag", fmt::format("unknown shorthand flag: '{}' in {}", word[1], word),
              fmt::format("write -{}", word));
      else
        warning("argument-ignored", fmt::format("argument \"{}\" is ignored: it is no flag", word));
    }
    validate();
    return std::move(options_);
  }

 private:
  void error(std::string code, std::string what, std::string remedy = {}) {
    diagnostics_.error(file_, where_, std::move(code), std::move(what), std::move(remedy));
  }
  void warning(std::string code, std::string what, std::string remedy = {}) {
    diagnostics_.warning(file_, where_, std::move(code), std::move(what), std::move(remedy));
  }

  // "-v4", "-v=4", "-v 4": the one flag with a short form. Its value changes nothing here.
  void short_v(std::string_view rest) {
    if (rest.empty()) ++at_;
  }

  void long_flag(std::string_view word) {
    const std::size_t equals = word.find('=');
    std::string name(word.substr(0, equals));
    std::replace(name.begin(), name.end(), '_', '-');
    if (name == "compat") return compat_flag(equals, word);
    const Flag* flag = find_flag(name);
    if (flag == nullptr) return unknown(name);
    std::string_view value;
    if (equals != std::string_view::npos) {
      value = word.substr(equals + 1);
    } else if (flag->kind == FlagKind::Bool) {
      value = "true";
    } else if (at_ < arguments_.size()) {
      value = arguments_[at_++];
    } else {
      return error("flag-value", fmt::format("flag needs an argument: --{}", name));
    }
    accept(*flag, value);
  }

  void compat_flag(std::size_t equals, std::string_view word) {
    std::string_view value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
    if (equals == std::string_view::npos && at_ < arguments_.size()) value = arguments_[at_++];
    if (value == "upstream" || value == "gputide") {
      options_.compat = value == "upstream" ? Compat::Upstream : Compat::Gputide;
      return;
    }
    error("flag-value", fmt::format("--compat cannot be \"{}\"", value),
          "write --compat=upstream or --compat=gputide");
  }

  void unknown(const std::string& name) {
    std::vector<std::string_view> names;
    for (const Flag& flag : flags()) names.push_back(flag.name);
    const auto near = closest(name, names);
    error("unknown-flag", fmt::format("unknown flag: --{}", name),
          near ? fmt::format("did you mean --{}?", *near) : std::string());
  }

  void accept(const Flag& flag, std::string_view value) {
    if (options_.compat == Compat::Upstream && options_.release == Release::V1_31 &&
        flag.default_131 == "-")
      return error("unknown-flag",
                   fmt::format("unknown flag: --{} (Cluster Autoscaler has it since a later "
                               "release than this one)",
                               flag.name),
                   "remove it or use a newer image");
    if (!set_flag(options_, flag, value))
      return error("flag-value",
                   fmt::format("invalid argument \"{}\" for \"--{}\" flag", value, flag.name),
                   fmt::format("write {}", kind_text(flag.kind)));
    changed_.push_back(flag.name);
    remark(flag);
  }

  void remark(const Flag& flag) {
    if (flag.use == FlagUse::Dead)
      warning("dead-flag", fmt::format("--{} is accepted but nothing reads it any more", flag.name),
              "remove it");
    if (flag.use == FlagUse::OtherCloud)
      warning("dead-flag", fmt::format("--{} means nothing on AWS", flag.name), "remove it");
    if (flag.use == FlagUse::Deprecated)
      warning("deprecated-flag", fmt::format("--{} is deprecated", flag.name),
              std::string(flag.note));
  }

  bool changed(std::string_view name) const {
    return std::find(changed_.begin(), changed_.end(), name) != changed_.end();
  }

  // What the program checks after parsing, and dies of.
  void validate() {
    where_ = Span{};
    if (options_.cloud_provider != "aws")
      error("cloud-provider", fmt::format("--cloud-provider is \"{}\"", options_.cloud_provider),
            "only aws is served here: write --cloud-provider=aws");
    validate_expander();
    if (options_.estimator != "binpacking")
      error("flag-value", fmt::format("Unknown estimator: {}", options_.estimator),
            "write --estimator=binpacking or leave it out");
    if (!options_.balancing_label.empty() && !options_.balancing_ignore_label.empty())
      error("flag-conflict", "--balancing-label and --balancing-ignore-label exclude each other",
            "keep one of the two");
    if (changed("drain-priority-config") && changed("max-graceful-termination-sec"))
      error("flag-conflict",
            "--drain-priority-config and --max-graceful-termination-sec exclude each other",
            "keep one of the two");
    if (changed("drain-priority-config"))
      if (const auto bands = parse_drain_bands(options_.drain_priority_config); !bands)
        error("flag-value",
              "Invalid configuration, parsing --drain-priority-config: " + bands.error().message,
              "write PRIORITY:SECONDS,PRIORITY:SECONDS");
    for (const std::string& range : {options_.cores_total, options_.memory_total})
      if (const auto parsed = parse_range(range); !parsed)
        error("flag-value", parsed.error().message);
    for (const std::string& range : options_.gpu_total)
      if (const auto parsed = parse_gpu_range(range); !parsed)
        error("flag-value", parsed.error().message);
  }

  void validate_expander() {
    for (const std::string& name : options_.expanders()) {
      if (std::find(std::begin(kExpanders), std::end(kExpanders), name) == std::end(kExpanders)) {
        const auto near = closest(name, kExpanders);
        error("flag-value", fmt::format("Expander {} not supported", name),
              near ? fmt::format("did you mean {}?", *near)
                   : "one of random, most-pods, least-waste, least-nodes, price, priority, grpc");
      } else if (name == "price" && options_.compat == Compat::Upstream) {
        error("expander-price",
              "upstream's price expander ends the program on AWS: it has no prices there",
              "use least-waste or priority, or --compat=gputide, which knows prices");
      } else if (name == "grpc") {
        validate_grpc();
      }
    }
  }

  void validate_grpc() {
    if (options_.grpc_expander_cert.empty())
      error("expander-grpc",
            "GRPC Expander Cert not specified, insecure connections not allowed: the program ends",
            "add --grpc-expander-cert=FILE");
    else
      warning("expander-grpc",
              "no server of the grpc expander is simulated: every group passes it, as when the "
              "server does not answer",
              "name the expander that shall decide after it, as in --expander=grpc,least-waste");
  }

  std::span<const std::string> arguments_;
  const std::string& file_;
  std::span<const Span> place_;
  Diagnostics& diagnostics_;
  Options options_;
  std::size_t at_ = 0;
  Span where_;
  std::vector<std::string_view> changed_;
};

}  // namespace

Options default_options(Compat compat, Release release) {
  Options options;
  options.compat = compat;
  options.release = release;
  if (compat == Compat::Gputide) {
    options.expander = "price";
    options.balance_similar_node_groups = true;
    return options;
  }
  for (const Flag& flag : flags()) {
    const std::string_view value = release == Release::V1_31 ? flag.default_131 : flag.default_136;
    if (flag.use == FlagUse::Acts && value != "-" && value != "[]" && flag.name != "cloud-provider")
      set_flag(options, flag, value);
  }
  return options;
}

Options parse_options(std::span<const std::string> arguments, Compat compat, Release release,
                      const std::string& file, std::span<const Span> place,
                      Diagnostics& diagnostics) {
  return Parser(arguments, compat, release, file, place, diagnostics).run();
}

Semantics Options::semantics() const {
  Semantics s = Semantics::of(compat, release);
  if (s.system_pod_block_time) s.system_pod_block_time = blocking_system_pod_timeout;
  if (compat == Compat::Upstream && salvo_scale_up) s.options_per_loop = 0;
  return s;
}

GroupOptions Options::group_defaults() const {
  return {scale_down_utilization_threshold, scale_down_gpu_utilization_threshold,
          scale_down_unneeded_time,         scale_down_unready_time,
          max_node_provision_time,          ignore_daemonsets_utilization};
}

std::vector<DrainBand> Options::drain_bands() const {
  if (!drain_priority_config.empty())
    if (auto bands = parse_drain_bands(drain_priority_config)) return std::move(*bands);
  return {{std::numeric_limits<std::int32_t>::max(), max_graceful_termination_sec}};
}

std::vector<std::string> Options::expanders() const {
  std::vector<std::string> names;
  for (const std::string_view name : split(expander, ',')) names.emplace_back(name);
  return names;
}

Result<ResourceRange> parse_range(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() != 2) return fail(fmt::format("wrong nodes configuration: {}", text));
  const auto min = parse_decimal(parts[0]);
  if (!min) return fail(fmt::format("failed to set min size: {}, expected integer", parts[0]));
  const auto max = parse_decimal(parts[1]);
  if (!max) return fail(fmt::format("failed to set max size: {}, expected integer", parts[1]));
  if (*min < 0) return fail(fmt::format("min size must be greater or equal to 0: {}", text));
  if (*max < *min)
    return fail(fmt::format("max size must be greater or equal to min size: {}", text));
  return ResourceRange{*min, *max};
}

Result<std::vector<DrainBand>> parse_drain_bands(std::string_view text) {
  std::vector<DrainBand> bands;
  for (const std::string_view item : split(text, ',')) {
    const std::vector<std::string_view> parts = split(item, ':');
    if (parts.size() != 2)
      return fail(fmt::format("\"{}\" is no priority and grace period separated by ':'", item));
    const auto priority = parse_decimal(parts[0]);
    const auto seconds = parse_decimal(parts[1]);
    if (!priority || !seconds)
      return fail(fmt::format("\"{}\" is no number", priority ? parts[1] : parts[0]));
    // Upstream cuts a priority to 32 bits too.
    bands.push_back({static_cast<std::int32_t>(*priority), *seconds});
  }
  std::stable_sort(bands.begin(), bands.end(),
                   [](const DrainBand& a, const DrainBand& b) { return a.priority < b.priority; });
  return bands;
}

Result<GpuRange> parse_gpu_range(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || split(text, ':').size() != 3)
    return fail(fmt::format("incorrect gpu limit specification: {}", text));
  const Result<ResourceRange> range = parse_range(text.substr(colon + 1));
  if (!range) return fail(fmt::format("incorrect gpu limit specification: {}", text));
  return GpuRange{std::string(text.substr(0, colon)), *range};
}

std::vector<FlagHelp> flag_reference() {
  std::vector<FlagHelp> lines;
  for (const Flag& flag : flags()) {
    std::string_view ours = flag.default_136;
    if (flag.name == "expander") ours = "price";
    if (flag.name == "balance-similar-node-groups") ours = "true";
    if (flag.name == "cloud-provider") ours = "aws";
    lines.push_back({flag.name, std::string(flag.default_131), std::string(flag.default_136),
                     std::string(ours), flag.note});
  }
  return lines;
}

}  // namespace gputide::scaling
