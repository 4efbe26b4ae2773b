#include "decide/scaling/priority_config.h"

#include <map>
#include <re2/re2.h>
#include <utility>

#include <fmt/core.h>

#include "codec/yaml.h"
#include "decide/scaling/numbers.h"

namespace gputide::scaling {
namespace {

using model::Value;

// Go's words for what RE2 found wrong.
std::string_view pattern_problem(RE2::ErrorCode code) {
  switch (code) {
    case RE2::ErrorBadEscape:
      return "invalid escape sequence";
    case RE2::ErrorBadCharClass:
      return "invalid character class";
    case RE2::ErrorBadCharRange:
      return "invalid character class range";
    case RE2::ErrorMissingBracket:
      return "missing closing ]";
    case RE2::ErrorMissingParen:
      return "missing closing )";
    case RE2::ErrorUnexpectedParen:
      return "unexpected )";
    case RE2::ErrorTrailingBackslash:
      return "trailing backslash at end of expression";
    case RE2::ErrorRepeatArgument:
      return "missing argument to repetition operator";
    case RE2::ErrorRepeatSize:
      return "invalid repeat count";
    case RE2::ErrorRepeatOp:
      return "invalid nested repetition operator";
    case RE2::ErrorBadPerlOp:
      return "invalid or unsupported Perl syntax";
    case RE2::ErrorBadUTF8:
      return "invalid UTF-8";
    case RE2::ErrorBadNamedCapture:
      return "invalid named capture";
    case RE2::ErrorPatternTooLarge:
      return "expression too large";
    default:
      return "internal error";
  }
}

// Turns the document into map[int][]string as yaml.v2 does, collecting what does not fit.
class Decoder {
 public:
  explicit Decoder(std::string_view text) : text_(text) {}

  std::map<std::int64_t, std::vector<std::string>> decode(const Value& root) {
    std::map<std::int64_t, std::vector<std::string>> out;
    if (root.is_null()) return out;
    if (!root.is_map()) {
      mismatch(root, "map[int][]string");
      return out;
    }
    for (const model::Member& member : root.as_map()) {
      const std::optional<std::int64_t> priority = key(member);
      std::vector<std::string> patterns = list(member.value);
      if (priority) out[*priority] = std::move(patterns);
    }
    return out;
  }

  const std::vector<std::string>& problems() const { return problems_; }

 private:
  std::string_view written(const Span& where) const {
    return text_.substr(where.begin, where.end - where.begin);
  }

  void problem(std::uint32_t line, std::string_view tag, std::string_view value,
               std::string_view type) {
    std::string shown;
    if (!value.empty())
      shown = value.size() > 10 ? fmt::format(" `{}...`", value.substr(0, 7))
                                : fmt::format(" `{}`", value);
    problems_.push_back(
        fmt::format("  line {}: cannot unmarshal {}{} into {}", line, tag, shown, type));
  }

  void mismatch(const Value& value, std::string_view type) {
    switch (value.kind()) {
      case Value::Kind::List:
        return problem(value.where.line, "!!seq", {}, type);
      case Value::Kind::Map:
        return problem(value.where.line, "!!map", {}, type);
      case Value::Kind::String:
        return problem(value.where.line, "!!str", value.as_string(), type);
      case Value::Kind::Bool:
        return problem(value.where.line, "!!bool", written(value.where), type);
      case Value::Kind::Int:
        return problem(value.where.line, "!!int", written(value.where), type);
      default:
        return problem(value.where.line, "!!float", written(value.where), type);
    }
  }

  // Numbers, also with a fraction, are priorities; keys come as text, and their place tells whether
  // they were quoted.
  std::optional<std::int64_t> key(const model::Member& member) {
    const std::string_view raw = written(member.key_where);
    const bool quoted = !raw.empty() && (raw[0] == '"' || raw[0] == '\'');
    if (!quoted) {
      if (const auto whole = parse_integer(member.key)) return whole;
      const std::optional<double> fraction = parse_float(member.key);
      if (fraction && *fraction > -9.2e18 && *fraction < 9.2e18)
        return static_cast<std::int64_t>(*fraction);
    }
    const bool boolean = !quoted && (member.key == "true" || member.key == "false");
    problem(member.key_where.line, boolean ? "!!bool" : "!!str", boolean ? raw : member.key, "int");
    return std::nullopt;
  }

  std::vector<std::string> list(const Value& value) {
    std::vector<std::string> out;
    if (value.is_null()) return out;
    if (!value.is_list()) {
      mismatch(value, "[]string");
      return out;
    }
    for (const Value& item : value.as_list()) {
      if (item.is_list() || item.is_map())
        mismatch(item, "string");
      else if (item.is_null())
        out.emplace_back();
      else
        out.emplace_back(item.is_string() ? item.as_string() : written(item.where));
    }
    return out;
  }

  std::string_view text_;
  std::vector<std::string> problems_;
};

// A syntax error as yaml.v2 says it: without what was being read, and with its own idea of the
// line.
std::string syntax_problem(const Diagnostic& found) {
  if (found.code != "yaml-syntax") return found.what;
  const std::string_view what = found.what;
  const bool scanner = what.find("while scanning") != std::string_view::npos;
  const std::size_t comma = what.rfind(", ");
  std::string_view problem = comma == std::string_view::npos ? what : what.substr(comma + 2);
  if (problem.starts_with("yaml: ")) problem.remove_prefix(6);
  const std::uint32_t line = found.where.line - (scanner || found.where.line == 0 ? 0 : 1);
  return line == 0 ? fmt::format("yaml: {}", problem)
                   : fmt::format("yaml: line {}: {}", line, problem);
}

Result<std::map<std::int64_t, std::vector<std::string>>> read_priorities(const std::string& text) {
  constexpr std::string_view kUnreadable = "Can't parse YAML with priorities in the configmap: ";
  Diagnostics diagnostics;
  codec::YamlLimits limits;
  limits.last_repeated_key_wins = true;
  const std::vector<Value> documents = codec::read_yaml(text, {}, diagnostics, limits);
  if (diagnostics.has_errors())
    return fail(fmt::format("{}{}", kUnreadable, syntax_problem(diagnostics.list().front())));
  Decoder decoder(text);
  auto priorities = decoder.decode(documents.empty() ? Value() : documents.front());
  if (decoder.problems().empty()) return priorities;
  std::string message = fmt::format("{}yaml: unmarshal errors:", kUnreadable);
  for (const std::string& problem : decoder.problems()) message += "\n" + problem;
  return fail(std::move(message));
}

}  // namespace

struct PriorityConfig::Rules {
  std::map<std::int64_t, std::vector<std::unique_ptr<const RE2>>> patterns;
};

PriorityConfig::PriorityConfig(std::unique_ptr<const Rules> rules) : rules_(std::move(rules)) {}
PriorityConfig::~PriorityConfig() = default;
PriorityConfig::PriorityConfig(PriorityConfig&&) noexcept = default;
PriorityConfig& PriorityConfig::operator=(PriorityConfig&&) noexcept = default;

Result<PriorityConfig> PriorityConfig::parse(const model::StringMap& data) {
  const auto entry = data.find("priorities");
  if (entry == data.end())
    return fail(
        "Wrong configmap for priority expander, doesn't contain priorities key. Ignoring update.");
  const auto refuse = [](std::string_view cause) {
    return fail(
        fmt::format("Wrong configuration for priority expander: {}. Ignoring update.", cause));
  };
  if (entry->second.empty())
    return refuse(fmt::format(
        "priority configuration in {} configmap is empty; please provide valid configuration",
        kPriorityConfigMap));
  auto priorities = read_priorities(entry->second);
  if (!priorities) return refuse(priorities.error().message);
  auto rules = std::make_unique<Rules>();
  for (const auto& [priority, patterns] : *priorities)
    for (const std::string& pattern : patterns) {
      auto compiled = std::make_unique<const RE2>(pattern, RE2::Quiet);
      if (!compiled->ok())
        return refuse(fmt::format(
            "Can't compile regexp rule for priority {} and rule {}: error parsing regexp: {}: `{}`",
            priority, pattern, pattern_problem(compiled->error_code()), compiled->error_arg()));
      rules->patterns[priority].push_back(std::move(compiled));
    }
  return PriorityConfig(std::move(rules));
}

std::optional<std::int64_t> PriorityConfig::priority_of(std::string_view group) const {
  const re2::StringPiece name(group.data(), group.size());
  for (auto at = rules_->patterns.rbegin(); at != rules_->patterns.rend(); ++at)
    for (const auto& pattern : at->second)
      if (RE2::PartialMatch(name, *pattern)) return at->first;
  return std::nullopt;
}

}  // namespace gputide::scaling
