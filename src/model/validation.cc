#include "model/validation.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>

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

}  // namespace gputide::model
