#include "model/selector.h"

#include <algorithm>
#include <charconv>

#include "base/go_sort.h"
#include "base/text.h"
#include "model/validation.h"

namespace gputide::model {
namespace {

using Operator = Selector::Operator;
using Requirement = Selector::Requirement;

/// Go's strconv.ParseInt in base ten.
bool read_int(std::string_view text, std::int64_t& out) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return false;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

/// Problems of one value as one error: `path: Invalid value: "x": a; b`.
void add_joined(Problems& out, std::string_view path, std::string_view value,
                const Problems& problems) {
  if (!problems.empty()) out.push_back(invalid_value(path, value, join(problems, "; ")));
}

/// What is wrong with the number of values, if anything.
std::string_view count_problem(Operator op, std::size_t count) {
  switch (op) {
    case Operator::In:
    case Operator::NotIn:
      return count > 0 ? "" : "for 'in', 'notin' operators, values set can't be empty";
    case Operator::Equals:
    case Operator::DoubleEquals:
    case Operator::NotEquals:
      return count == 1 ? "" : "exact-match compatibility requires one single value";
    case Operator::Exists:
    case Operator::DoesNotExist:
      return count == 0 ? "" : "values set must be empty for exists and does not exist";
    case Operator::GreaterThan:
    case Operator::LessThan:
      return count == 1 ? "" : "for 'Gt', 'Lt' operators, exactly one value is required";
  }
  return "";
}

Result<Requirement> make_requirement(std::string_view key, Operator op,
                                     std::vector<std::string> values) {
  Problems problems;
  std::optional<Requirement> made = Selector::requirement(key, op, std::move(values), "", problems);
  if (!made) return fail(aggregate(problems));
  return std::move(*made);
}

// --- The syntax of kubectl -l ---

enum class Token {
  Error,
  End,
  ClosedParenthesis,
  Comma,
  Not,
  DoubleEquals,
  Equals,
  GreaterThan,
  Identifier,
  In,
  LessThan,
  NotEquals,
  NotIn,
  OpenParenthesis
};

struct Item {
  Token token;
  std::string text;
};

Token token_of(std::string_view text) {
  static constexpr std::pair<std::string_view, Token> kTokens[] = {{")", Token::ClosedParenthesis},
                                                                   {",", Token::Comma},
                                                                   {"!", Token::Not},
                                                                   {"==", Token::DoubleEquals},
                                                                   {"=", Token::Equals},
                                                                   {">", Token::GreaterThan},
                                                                   {"in", Token::In},
                                                                   {"<", Token::LessThan},
                                                                   {"!=", Token::NotEquals},
                                                                   {"notin", Token::NotIn},
                                                                   {"(", Token::OpenParenthesis}};
  for (const auto& [spelling, token] : kTokens)
    if (spelling == text) return token;
  return Token::Error;
}

bool is_symbol(char c) {
  return std::string_view("=!(),><").find(c) != std::string_view::npos;
}
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// The longest symbol at the front of `rest`.
Item take_symbol(std::string_view& rest) {
  std::size_t length = 0;
  for (std::size_t n = 1; n <= rest.size() && is_symbol(rest[n - 1]); ++n) {
    if (token_of(rest.substr(0, n)) != Token::Error)
      length = n;
    else if (length != 0)
      break;
  }
  const std::string_view text = rest.substr(0, length);
  rest.remove_prefix(length);
  return {token_of(text), std::string(text)};
}

Item take_word(std::string_view& rest) {
  std::size_t length = 0;
  while (length < rest.size() && rest[length] != '\0' && !is_symbol(rest[length]) &&
         !is_space(rest[length]))
    ++length;
  const std::string_view text = rest.substr(0, length);
  rest.remove_prefix(length);
  const Token token = token_of(text);
  return {token == Token::Error ? Token::Identifier : token, std::string(text)};
}

/// All items, an End last. A zero byte ends the text, as upstream's lexer takes it.
std::vector<Item> take_items(std::string_view rest) {
  std::vector<Item> out;
  while (true) {
    while (!rest.empty() && is_space(rest.front())) rest.remove_prefix(1);
    if (rest.empty() || rest.front() == '\0') break;
    out.push_back(is_symbol(rest.front()) ? take_symbol(rest) : take_word(rest));
  }
  out.push_back({Token::End, ""});
  return out;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : items_(take_items(text)) {}

  Result<std::vector<Requirement>> parse() {
    std::vector<Requirement> out;
    while (true) {
      const auto& [token, text] = peek();
      if (token == Token::End) return out;
      if (!starts_requirement(token))
        return fail("found '" + text + "', expected: !, identifier, or 'end of string'");
      Result<Requirement> requirement = parse_requirement();
      if (!requirement) return fail("unable to parse requirement: " + requirement.error().message);
      out.push_back(std::move(*requirement));
      const Item& next = take();
      if (next.token == Token::End) return out;
      if (next.token != Token::Comma)
        return fail("found '" + next.text + "', expected: ',' or 'end of string'");
      if (!starts_requirement(peek().token))
        return fail("found '" + peek().text + "', expected: identifier after ','");
    }
  }

 private:
  /// "in" and "notin" are words like others wherever no operator may stand.
  static bool is_identifier(Token token) {
    return token == Token::Identifier || token == Token::In || token == Token::NotIn;
  }
  static bool starts_requirement(Token token) {
    return is_identifier(token) || token == Token::Not;
  }
  const Item& peek() const { return items_[at_]; }
  const Item& take() {
    const Item& item = items_[at_];
    if (at_ + 1 < items_.size()) ++at_;
    return item;
  }

  Result<Requirement> parse_requirement() {
    const bool negated = peek().token == Token::Not;
    if (negated) take();
    const Item& key = take();
    if (!is_identifier(key.token)) return fail("found '" + key.text + "', expected: identifier");
    Problems problems;
    add_joined(problems, "<nil>", key.text, check_qualified_name(key.text));
    if (!problems.empty()) return fail(problems.front());
    if (negated) return make_requirement(key.text, Operator::DoesNotExist, {});
    if (peek().token == Token::End || peek().token == Token::Comma)
      return make_requirement(key.text, Operator::Exists, {});
    const Item& written = take();
    const std::optional<Operator> op = operator_of(written.token);
    if (!op) return fail("found '" + written.text + "', expected: in, notin, =, ==, !=, gt, lt");
    auto values = *op == Operator::In || *op == Operator::NotIn ? parse_set() : parse_value();
    if (!values) return tl::unexpected(values.error());
    std::sort(values->begin(), values->end());
    values->erase(std::unique(values->begin(), values->end()), values->end());
    return make_requirement(key.text, *op, std::move(*values));
  }

  static std::optional<Operator> operator_of(Token token) {
    switch (token) {
      case Token::In:
        return Operator::In;
      case Token::NotIn:
        return Operator::NotIn;
      case Token::Equals:
        return Operator::Equals;
      case Token::DoubleEquals:
        return Operator::DoubleEquals;
      case Token::NotEquals:
        return Operator::NotEquals;
      case Token::GreaterThan:
        return Operator::GreaterThan;
      case Token::LessThan:
        return Operator::LessThan;
      default:
        return std::nullopt;
    }
  }

  Result<std::vector<std::string>> parse_value() {
    if (peek().token == Token::End || peek().token == Token::Comma)
      return std::vector<std::string>{""};
    const Item& value = take();
    if (!is_identifier(value.token))
      return fail("found '" + value.text + "', expected: identifier");
    return std::vector<std::string>{value.text};
  }

  /// "(a,b)"; empty places count as "".
  Result<std::vector<std::string>> parse_set() {
    const Item& open = take();
    if (open.token != Token::OpenParenthesis)
      return fail("found '" + open.text + "' expected: '('");
    std::vector<std::string> out;
    if (peek().token == Token::ClosedParenthesis) {
      take();
      return std::vector<std::string>{""};
    }
    if (!is_identifier(peek().token) && peek().token != Token::Comma)
      return fail("found '" + peek().text + "', expected: ',', ')' or identifier");
    while (true) {
      const Item& item = take();
      if (is_identifier(item.token)) {
        out.push_back(item.text);
        if (peek().token == Token::ClosedParenthesis) break;
        if (peek().token != Token::Comma)
          return fail("found '" + peek().text + "', expected: ',' or ')'");
      } else if (item.token == Token::Comma) {
        if (out.empty()) out.emplace_back();
        if (peek().token == Token::ClosedParenthesis) {
          out.emplace_back();
          break;
        }
        if (peek().token == Token::Comma) {
          take();
          out.emplace_back();
        }
      } else {
        return fail("found '" + item.text + "', expected: ',', or identifier");
      }
    }
    take();
    return out;
  }

  std::vector<Item> items_;
  std::size_t at_ = 0;
};

}  // namespace

std::string go_list(const std::vector<std::string>& values) {
  if (values.empty()) return "[]string(nil)";
  std::string out = "[]string{";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i != 0) out += ", ";
    out += quote(values[i]);
  }
  return out += '}';
}

std::string aggregate(const Problems& problems) {
  Problems distinct;
  for (const std::string& problem : problems)
    if (std::find(distinct.begin(), distinct.end(), problem) == distinct.end())
      distinct.push_back(problem);
  return distinct.size() == 1 ? distinct.front() : "[" + join(distinct, ", ") + "]";
}

std::optional<Requirement> Selector::requirement(std::string_view key, Operator op,
                                                 std::vector<std::string> values,
                                                 std::string_view path, Problems& problems) {
  Requirement out{std::string(key), op, std::move(values), 0};
  const std::size_t known = problems.size();
  const std::string base = path.empty() ? "" : std::string(path) + ".";
  add_joined(problems, base + "key", key, check_qualified_name(key));
  if (const std::string_view wrong = count_problem(op, out.values.size()); !wrong.empty())
    problems.push_back(
        (base + "values: Invalid value: ").append(go_list(out.values)).append(": ").append(wrong));
  const auto at = [&](std::size_t i) { return base + "values[" + std::to_string(i) + "]"; };
  if (op == Operator::GreaterThan || op == Operator::LessThan) {
    for (std::size_t i = 0; i < out.values.size(); ++i)
      if (!read_int(out.values[i], out.bound))
        problems.push_back(invalid_value(at(i), out.values[i],
                                         "for 'Gt', 'Lt' operators, the value must be an integer"));
  }
  for (std::size_t i = 0; i < out.values.size(); ++i)
    add_joined(problems, at(i) + "[" + std::string(key) + "]", out.values[i],
               check_label_value(out.values[i]));
  if (problems.size() != known) return std::nullopt;
  return out;
}

std::string_view operator_name(Operator op) {
  switch (op) {
    case Operator::In:
      return "in";
    case Operator::NotIn:
      return "notin";
    case Operator::Exists:
      return "exists";
    case Operator::DoesNotExist:
      return "!";
    case Operator::Equals:
      return "=";
    case Operator::DoubleEquals:
      return "==";
    case Operator::NotEquals:
      return "!=";
    case Operator::GreaterThan:
      return "gt";
    case Operator::LessThan:
      return "lt";
  }
  return "";
}

bool Requirement::matches(const StringMap& labels) const {
  const auto at = labels.find(key);
  const bool has = at != labels.end();
  const auto listed = [&] {
    return std::find(values.begin(), values.end(), at->second) != values.end();
  };
  std::int64_t number = 0;
  switch (operator_) {
    case Operator::In:
    case Operator::Equals:
    case Operator::DoubleEquals:
      return has && listed();
    case Operator::NotIn:
    case Operator::NotEquals:
      return !has || !listed();
    case Operator::Exists:
      return has;
    case Operator::DoesNotExist:
      return !has;
    case Operator::GreaterThan:
      return has && read_int(at->second, number) && number > bound;
    case Operator::LessThan:
      return has && read_int(at->second, number) && number < bound;
  }
  return false;
}

Selector::Selector(std::vector<Requirement> requirements)
    : requirements_(std::move(requirements)), nothing_(false) {
  GoSorter sorter(
      [this](std::size_t i, std::size_t j) { return requirements_[i].key < requirements_[j].key; },
      [this](std::size_t i, std::size_t j) { std::swap(requirements_[i], requirements_[j]); });
  sorter.sort(requirements_.size());
}

Selector Selector::everything() {
  return all_of({});
}

Selector Selector::all_of(std::vector<Requirement> requirements) {
  return Selector(std::move(requirements));
}

Result<Selector> Selector::compile(const std::optional<LabelSelector>& selector) {
  if (!selector) return nothing();
  return compile(*selector);
}

Result<Selector> Selector::compile(const LabelSelector& selector) {
  std::vector<Requirement> out;
  out.reserve(selector.matchLabels.size() + selector.matchExpressions.size());
  for (const auto& [key, value] : selector.matchLabels) {
    Result<Requirement> made = make_requirement(key, Operator::Equals, {value});
    if (!made) return tl::unexpected(made.error());
    out.push_back(std::move(*made));
  }
  for (const LabelSelectorRequirement& expression : selector.matchExpressions) {
    Operator op{};
    if (expression.operator_ == "In")
      op = Operator::In;
    else if (expression.operator_ == "NotIn")
      op = Operator::NotIn;
    else if (expression.operator_ == "Exists")
      op = Operator::Exists;
    else if (expression.operator_ == "DoesNotExist")
      op = Operator::DoesNotExist;
    else
      return fail(quote(expression.operator_) + " is not a valid label selector operator");
    Result<Requirement> made = make_requirement(expression.key, op, expression.values);
    if (!made) return tl::unexpected(made.error());
    out.push_back(std::move(*made));
  }
  return Selector(std::move(out));
}

Selector Selector::of(const std::optional<LabelSelector>& selector) {
  return compile(selector).value_or(nothing());
}

Result<Selector> Selector::parse(std::string_view text) {
  return Parser(text).parse().map(
      [](std::vector<Requirement>&& requirements) { return Selector(std::move(requirements)); });
}

std::string Selector::text() const {
  std::string out;
  for (const Requirement& requirement : requirements_) {
    if (!out.empty()) out += ',';
    const Operator op = requirement.operator_;
    if (op == Operator::DoesNotExist) out += '!';
    out += requirement.key;
    if (op == Operator::Exists || op == Operator::DoesNotExist) continue;
    if (op == Operator::In || op == Operator::NotIn) {
      std::vector<std::string> sorted = requirement.values;
      std::sort(sorted.begin(), sorted.end());
      out.append(op == Operator::In ? " in (" : " notin (").append(join(sorted, ",")) += ')';
      continue;
    }
    out += op == Operator::GreaterThan ? ">" : op == Operator::LessThan ? "<" : operator_name(op);
    out += requirement.values.front();
  }
  return out;
}

// --- Fields ---

namespace {

/// Splits at commas that no backslash precedes.
std::vector<std::string_view> split_terms(std::string_view text) {
  std::vector<std::string_view> out;
  std::size_t start = 0;
  bool escaped = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (escaped) {
      escaped = false;
    } else if (text[i] == '\\') {
      escaped = true;
    } else if (text[i] == ',') {
      out.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  out.push_back(text.substr(start));
  return out;
}

Result<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ',' || c == '=')
      return fail("invalid field selector: unescaped character in value: " +
                  std::to_string(static_cast<int>(c)));
    if (c != '\\') {
      out += c;
      continue;
    }
    const bool last = i + 1 == text.size();
    if (last || std::string_view("\\,=").find(text[i + 1]) == std::string_view::npos) {
      // Name the whole character, however many bytes it has.
      std::size_t length = last ? 0 : 1;
      while (!last && i + 1 + length < text.size() &&
             (static_cast<unsigned char>(text[i + 1 + length]) & 0xC0U) == 0x80U)
        ++length;
      return fail("invalid field selector: invalid escape sequence: " +
                  std::string(text.substr(i, 1 + length)));
    }
    out += text[++i];
  }
  return out;
}

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == ',' || c == '=') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

Result<FieldSelector> FieldSelector::parse(std::string_view text) {
  FieldSelector out;
  std::vector<std::string_view> parts = split_terms(text);
  std::sort(parts.begin(), parts.end());
  for (const std::string_view part : parts) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    const std::size_t differs = part.find("!=");
    const std::size_t at = std::min(equals, differs);
    if (at == part.npos)
      return fail("invalid selector: '" + std::string(text) + "'; can't understand '" +
                  std::string(part) + "'");
    const bool equal = at != differs;
    const std::size_t width = equal && !part.substr(at).starts_with("==") ? 1 : 2;
    Result<std::string> value = unescape(part.substr(at + width));
    if (!value) return tl::unexpected(value.error());
    out.terms_.push_back({std::string(part.substr(0, at)), equal, std::move(*value)});
  }
  return out;
}

bool FieldSelector::matches(const StringMap& fields) const {
  for (const Term& term : terms_) {
    const auto at = fields.find(term.field);
    const std::string_view value = at == fields.end() ? std::string_view() : at->second;
    if ((value == term.value) != term.equal) return false;
  }
  return true;
}

std::string FieldSelector::text() const {
  std::string out;
  for (const Term& term : terms_) {
    if (!out.empty()) out += ',';
    out.append(term.field).append(term.equal ? "=" : "!=").append(escape(term.value));
  }
  return out;
}

}  // namespace gputide::model
