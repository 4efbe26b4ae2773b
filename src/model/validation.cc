#include "model/validation.h"

#include <algorithm>
#include <initializer_list>

#include "base/text.h"

namespace gputide::model {
namespace {

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower_alnum(char c) {
  return is_lower(c) || is_digit(c);
}
bool is_alnum(char c) {
  return is_lower_alnum(c) || is_upper(c);
}

template <class Fits>
bool all(std::string_view text, Fits fits) {
  return std::all_of(text.begin(), text.end(), fits);
}

/// [A-Za-z0-9] at both ends, "-_." between too.
bool is_name_part(std::string_view text) {
  return !text.empty() && is_alnum(text.front()) && is_alnum(text.back()) &&
         all(text, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_dns_label(std::string_view text) {
  return !text.empty() && is_lower_alnum(text.front()) && is_lower_alnum(text.back()) &&
         all(text, [](char c) { return is_lower_alnum(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view text) {
  const auto labels = split(text, '.');
  return std::all_of(labels.begin(), labels.end(), is_dns_label);
}

std::string at_most(std::size_t length) {
  return "must be no more than " + std::to_string(length) + " characters";
}

/// A rule that a regular expression says, told as the API server tells it.
std::string by_regex(std::string_view message, std::string_view regex,
                     std::initializer_list<std::string_view> examples) {
  std::string out(message);
  out += " (e.g. ";
  bool first = true;
  for (const std::string_view example : examples) {
    if (!first) out += " or ";
    first = false;
    out += '\'';
    out += example;
    out += "', ";
  }
  out += "regex used for validation is '";
  out += regex;
  return out += "')";
}

const std::string& name_part_rule() {
  static const std::string kText = by_regex(
      "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
      "alphanumeric character",
      "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]", {"MyName", "my.name", "123-abc"});
  return kText;
}

Problems prefixed(std::string_view prefix, Problems problems) {
  for (std::string& problem : problems) problem.insert(0, prefix);
  return problems;
}

Problems by_rule(std::string_view text, std::size_t most, bool fits, const std::string& rule) {
  Problems out;
  if (text.size() > most) out.push_back(at_most(most));
  if (!fits) out.push_back(rule);
  return out;
}

}  // namespace

std::string invalid_value(std::string_view path, std::string_view value, std::string_view detail) {
  std::string out(path);
  out += ": Invalid value: ";
  out += quote(value);
  out += ": ";
  return out += detail;
}

Problems check_qualified_name(std::string_view text) {
  Problems out;
  std::string_view name = text;
  if (const std::size_t slash = text.find('/'); slash != text.npos) {
    name = text.substr(slash + 1);
    if (name.find('/') != name.npos)
      return {"a qualified name " + name_part_rule() +
              " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"};
    if (slash == 0)
      out.emplace_back("prefix part must be non-empty");
    else
      out = prefixed("prefix part ", check_dns1123_subdomain(text.substr(0, slash)));
  }
  if (name.empty())
    out.emplace_back("name part must be non-empty");
  else if (name.size() > 63)
    out.push_back("name part " + at_most(63));
  if (!is_name_part(name)) out.push_back("name part " + name_part_rule());
  return out;
}

Problems check_label_value(std::string_view text) {
  static const std::string kRule = by_regex(
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
      "'.', and must start and end with an alphanumeric character",
      "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", {"MyValue", "my_value", "12345"});
  return by_rule(text, 63, text.empty() || is_name_part(text), kRule);
}

Problems check_dns1123_label(std::string_view text) {
  static const std::string kRule = by_regex(
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
      "must start and end with an alphanumeric character",
      "[a-z0-9]([-a-z0-9]*[a-z0-9])?", {"my-name", "123-abc"});
  Problems out = by_rule(text, 63, true, kRule);
  if (!is_dns_label(text))
    out.push_back(is_dns_subdomain(text) ? std::string("must not contain dots") : kRule);
  return out;
}

Problems check_dns1123_subdomain(std::string_view text) {
  static const std::string kRule = by_regex(
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
      "'.', and must start and end with an alphanumeric character",
      "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", {"example.com"});
  return by_rule(text, 253, is_dns_subdomain(text), kRule);
}

Problems check_dns1035_label(std::string_view text) {
  static const std::string kRule = by_regex(
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
      "alphabetic character, and end with an alphanumeric character",
      "[a-z]([-a-z0-9]*[a-z0-9])?", {"my-name", "abc-123"});
  return by_rule(text, 63, is_dns_label(text) && is_lower(text.front()), kRule);
}

Problems check_wildcard_dns1123_subdomain(std::string_view text) {
  static const std::string kRule = by_regex(
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, "
      "which must consist of lower case alphanumeric characters, '-' or '.' and end with an "
      "alphanumeric character",
      "\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", {"*.example.com"});
  return by_rule(text, 253, text.starts_with("*.") && is_dns_subdomain(text.substr(2)), kRule);
}

Problems check_c_identifier(std::string_view text) {
  static const std::string kRule = by_regex(
      "a valid C identifier must start with alphabetic character or '_', followed by a string of "
      "alphanumeric characters or '_'",
      "[A-Za-z_][A-Za-z0-9_]*", {"my_name", "MY_NAME", "MyName"});
  const bool fits = !text.empty() && !is_digit(text.front()) &&
                    all(text, [](char c) { return is_alnum(c) || c == '_'; });
  return by_rule(text, text.size(), fits, kRule);
}

Problems check_port_name(std::string_view text) {
  Problems out;
  if (text.size() > 15) out.push_back(at_most(15));
  if (text.empty() || !all(text, [](char c) { return is_lower_alnum(c) || c == '-'; }))
    out.emplace_back("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (std::none_of(text.begin(), text.end(), is_lower))
    out.emplace_back("must contain at least one letter (a-z)");
  if (text.find("--") != text.npos) out.emplace_back("must not contain consecutive hyphens");
  if (text.starts_with('-') || text.ends_with('-'))
    out.emplace_back("must not begin or end with a hyphen");
  return out;
}

Problems check_http_header_name(std::string_view text) {
  static const std::string kRule =
      by_regex("a valid HTTP header must consist of alphanumeric characters or '-'",
               "[-A-Za-z0-9]+", {"X-Header-Name"});
  const bool fits = !text.empty() && all(text, [](char c) { return is_alnum(c) || c == '-'; });
  return by_rule(text, text.size(), fits, kRule);
}

namespace {

bool is_key_char(char c) {
  return is_alnum(c) || c == '-' || c == '.' || c == '_';
}

/// Keys become files of a mounted volume, so they must not climb out of it.
void add_directory_problem(Problems& out, std::string_view text) {
  if (text == ".")
    out.emplace_back("must not be '.'");
  else if (text == "..")
    out.emplace_back("must not be '..'");
  else if (text.starts_with(".."))
    out.emplace_back("must not start with '..'");
}

}  // namespace

Problems check_env_var_name(std::string_view text) {
  static const std::string kRule = by_regex(
      "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', "
      "or '.', and must not start with a digit",
      "[-._a-zA-Z][-._a-zA-Z0-9]*", {"my.env-name", "MY_ENV.NAME", "MyEnvName1"});
  const bool fits = !text.empty() && !is_digit(text.front()) && all(text, is_key_char);
  Problems out = by_rule(text, text.size(), fits, kRule);
  add_directory_problem(out, text);
  return out;
}

Problems check_config_map_key(std::string_view text) {
  static const std::string kRule =
      by_regex("a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
               "[-._a-zA-Z0-9]+", {"key.name", "KEY_NAME", "key-name"});
  Problems out = by_rule(text, 253, !text.empty() && all(text, is_key_char), kRule);
  add_directory_problem(out, text);
  return out;
}

Problems check_percent(std::string_view text) {
  static const std::string kRule =
      by_regex("a valid percent string must be a numeric string followed by an ending '%'",
               "[0-9]+%", {"1%", "93%"});
  const bool fits =
      text.size() >= 2 && text.ends_with('%') && all(text.substr(0, text.size() - 1), is_digit);
  return by_rule(text, text.size(), fits, kRule);
}

void add_invalid(Problems& out, std::string_view path, std::string_view value,
                 const Problems& problems) {
  for (const std::string& problem : problems) out.push_back(invalid_value(path, value, problem));
}

namespace {

/// The rule for a name, and how many labels it must have.
Problems check_domain(const std::string& path, std::string_view text, std::size_t labels,
                      std::string_view too_short) {
  if (const Problems problems = check_dns1123_subdomain(text); !problems.empty())
    return {invalid_value(path, text, join(problems, ","))};
  if (split(text, '.').size() < labels) return {invalid_value(path, text, too_short)};
  return {};
}

}  // namespace

Problems check_fully_qualified_name(const std::string& path, std::string_view text) {
  if (text.empty()) return {path + ": Required value"};
  return check_domain(path, text, 3,
                      "should be a domain with at least three segments separated by dots");
}

Problems check_fully_qualified_domain_name(const std::string& path, std::string_view text) {
  if (text.empty()) return {path + ": Required value"};
  if (text.ends_with('.')) text.remove_suffix(1);
  Problems out = check_domain(path, text, 2,
                              "should be a domain with at least two segments separated by dots");
  if (!out.empty()) return out;
  for (const std::string_view label : split(text, '.'))
    if (const Problems problems = check_dns1123_label(label); !problems.empty())
      out.push_back(invalid_value(path, label, join(problems, ",")));
  return out;
}

Problems check_domain_prefixed_path(const std::string& path, std::string_view text) {
  static constexpr std::string_view kPathSigns = "/-._~%!$&'()*+,;=:";
  if (text.empty()) return {path + ": Required value"};
  const std::size_t slash = text.find('/');
  if (slash == text.npos || slash == 0 || slash + 1 == text.size())
    return {invalid_value(path, text, "must be a domain-prefixed path (such as \"acme.io/foo\")")};
  Problems out;
  const std::string_view host = text.substr(0, slash), rest = text.substr(slash + 1);
  add_invalid(out, path, host, check_dns1123_subdomain(host));
  if (!all(rest, [](char c) { return is_alnum(c) || kPathSigns.find(c) != kPathSigns.npos; }))
    out.push_back(invalid_value(path, rest,
                                "Invalid path (regex used for validation is "
                                "'[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"));
  return out;
}

Problems check_finalizer(const std::string& path, std::string_view text) {
  Problems out;
  add_invalid(out, path, text, check_qualified_name(text));
  return out;
}

Problems check_name(NameRule rule, std::string_view text, bool as_prefix) {
  std::string masked(text);
  // A name will follow the dash: any letter shows what the rule says of the rest.
  if (as_prefix && masked.size() > 1 && masked.ends_with('-'))
    masked.replace(masked.size() - 2, 2, "a");
  switch (rule) {
    case NameRule::DnsSubdomain:
      return check_dns1123_subdomain(masked);
    case NameRule::DnsLabel:
      return check_dns1123_label(masked);
    case NameRule::Dns1035Label:
      break;
  }
  return check_dns1035_label(masked);
}

}  // namespace gputide::model
