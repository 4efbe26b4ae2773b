#include "codec/yaml.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include <fmt/core.h>
#include <yaml.h>

#include "base/check.h"
#include "codec/json.h"

namespace gputide::codec {
namespace {

using model::Member;
using model::Value;

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words)
    if (text == word) return true;
  return false;
}

// Go's strconv.ParseInt(text, 0, 64): 0x, 0o, 0b prefixes and a leading 0 for octal.
std::optional<Value> parse_integer(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char kind = static_cast<char>(text[1] | 0x20);
    base = kind == 'x' ? 16 : kind == 'b' ? 2 : 8;
    text.remove_prefix(kind == 'x' || kind == 'b' || kind == 'o' ? 2 : 1);
  }
  std::uint64_t magnitude = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (text.empty() || code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (magnitude <= kMax)
    return Value(negative ? -static_cast<std::int64_t>(magnitude)
                          : static_cast<std::int64_t>(magnitude));
  if (negative && magnitude == kMax + 1) return Value(std::numeric_limits<std::int64_t>::min());
  return Value(negative ? -static_cast<double>(magnitude) : static_cast<double>(magnitude));
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool looks_like_float(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t begin = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - begin;
  };
  if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
  if (i < text.size() && text[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  } else {
    if (digits() == 0) return false;
    if (i < text.size() && text[i] == '.') {
      ++i;
      digits();
    }
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (digits() == 0) return false;
  }
  return i == text.size();
}

std::optional<Value> parse_number(std::string_view text) {
  std::string plain;
  for (const char c : text)
    if (c != '_') plain += c;
  if (auto integer = parse_integer(plain)) return integer;
  if (!looks_like_float(plain)) return std::nullopt;
  const char* begin = plain.data() + (plain[0] == '+' ? 1 : 0);
  double d = 0;
  const auto [end, code] = std::from_chars(begin, plain.data() + plain.size(), d);
  static_cast<void>(end);
  if (code == std::errc::result_out_of_range) return std::nullopt;
  return Value(d);
}

// A plain scalar's value by YAML 1.1 as goyaml v2 resolves it.
Value resolve_plain(std::string_view text) {
  if (one_of(text, {"", "~", "null", "Null", "NULL"})) return Value();
  if (one_of(text, {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"}))
    return Value(true);
  if (one_of(text, {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}))
    return Value(false);
  if (one_of(text, {".nan", ".NaN", ".NAN"})) return Value(std::nan(""));
  if (one_of(text, {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"}))
    return Value(std::numeric_limits<double>::infinity());
  if (one_of(text, {"-.inf", "-.Inf", "-.INF"}))
    return Value(-std::numeric_limits<double>::infinity());
  const char first = text[0];
  if ((first >= '0' && first <= '9') || first == '-' || first == '+' || first == '.')
    if (auto number = parse_number(text)) return *number;
  return Value(text);
}

// Maps libyaml's character indexes to byte offsets.
class Offsets {
 public:
  explicit Offsets(std::string_view text) : text_(text) {
    if (text.substr(0, 3) == "\xEF\xBB\xBF") begin_ = 3;
    std::size_t index = 0;
    for (std::size_t byte = begin_; byte < text.size(); byte = next(byte), ++index)
      if (index % kStride == 0) checkpoints_.push_back(byte);
  }
  std::uint32_t byte_at(std::size_t index) const {
    if (index / kStride >= checkpoints_.size()) return static_cast<std::uint32_t>(text_.size());
    std::size_t byte = checkpoints_[index / kStride];
    for (std::size_t i = index % kStride; i > 0 && byte < text_.size(); --i) byte = next(byte);
    return static_cast<std::uint32_t>(byte);
  }
  /// The line that the byte is in.
  std::string_view line_at(std::size_t byte) const {
    std::size_t begin = std::min(byte, text_.size());
    while (begin > 0 && text_[begin - 1] != '\n') --begin;
    return text_.substr(begin, text_.find('\n', begin) - begin);
  }
  /// The place of a byte.
  Span place_of(std::size_t byte) const {
    byte = std::min(byte, text_.size());
    Span place{1, 1, static_cast<std::uint32_t>(byte), static_cast<std::uint32_t>(byte)};
    for (std::size_t i = begin_; i < byte; i = next(i)) {
      ++place.column;
      if (text_[i] != '\n') continue;
      ++place.line;
      place.column = 1;
    }
    return place;
  }

 private:
  static constexpr std::size_t kStride = 256;
  std::size_t next(std::size_t byte) const {
    ++byte;
    while (byte < text_.size() && (static_cast<unsigned char>(text_[byte]) & 0xC0) == 0x80) ++byte;
    return byte;
  }
  std::string_view text_;
  std::size_t begin_ = 0;
  std::vector<std::size_t> checkpoints_;
};

// Owns libyaml's parser and the event under the cursor.
class Events {
 public:
  explicit Events(std::string_view text) {
    GPUTIDE_CHECK(yaml_parser_initialize(&parser_) == 1);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                 text.size());
  }
  ~Events() {
    drop();
    yaml_parser_delete(&parser_);
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  bool advance() {
    drop();
    held_ = yaml_parser_parse(&parser_, &event_) == 1;
    return held_;
  }
  const yaml_event_t& event() const { return event_; }
  const yaml_parser_t& parser() const { return parser_; }

 private:
  void drop() {
    if (held_) yaml_event_delete(&event_);
    held_ = false;
  }
  yaml_parser_t parser_;
  yaml_event_t event_{};
  bool held_ = false;
};

std::string_view text_of(const yaml_char_t* text) {
  return text == nullptr ? std::string_view()
                         : std::string_view(reinterpret_cast<const char*>(text));
}

class YamlReader {
 public:
  YamlReader(std::string_view text, std::string file, Diagnostics& diagnostics,
             const YamlLimits& limits)
      : events_(text),
        offsets_(text),
        file_(std::move(file)),
        diagnostics_(diagnostics),
        limits_(limits) {}

  std::vector<Value> read() {
    std::vector<Value> documents;
    while (!failed_) {
      if (!next()) break;
      const yaml_event_type_t type = events_.event().type;
      if (type == YAML_STREAM_END_EVENT) break;
      if (type != YAML_DOCUMENT_START_EVENT) continue;
      anchors_.clear();
      if (!next()) break;
      Value root = node(0);
      if (!failed_ && !root.is_null()) documents.push_back(std::move(root));
    }
    return documents;
  }

 private:
  struct Anchor {
    std::optional<Value> value;  // empty while the anchored node is still being read
    std::size_t nodes = 0;
  };

  bool next() {
    if (events_.advance()) return true;
    const yaml_parser_t& parser = events_.parser();
    std::string what = "yaml: ";
    what += parser.problem == nullptr ? "unreadable" : parser.problem;
    if (parser.error == YAML_READER_ERROR) {
      error(offsets_.place_of(parser.problem_offset), "yaml-syntax", what, "write UTF-8 text");
      return false;
    }
    if (parser.context != nullptr && parser.context_mark.line != parser.problem_mark.line)
      what +=
          fmt::format(", {} that begins at line {}", parser.context, parser.context_mark.line + 1);
    const Span where = span(parser.problem_mark, parser.problem_mark);
    error(where, "yaml-syntax", what, syntax_remedy(where));
    return false;
  }

  // What people mostly did where YAML ends: a tab, or a line that stands too far left or right.
  std::string syntax_remedy(const Span& where) const {
    const std::string_view line = offsets_.line_at(where.begin);
    const std::string_view indent = line.substr(0, line.find_first_not_of(" \t"));
    return indent.find('\t') != std::string_view::npos
               ? "indent with spaces: YAML takes no tabs"
               : "look at how this line and those before it are indented, and at their quotes";
  }

  void error(Span where, std::string code, std::string what, std::string remedy = {}) {
    failed_ = true;
    if ((code == "yaml-syntax" || code == "yaml-key") &&
        offsets_.line_at(where.begin).find("{{") != std::string_view::npos)
      remedy = "this is a template: give what `helm template` makes of it";
    diagnostics_.error(file_, where, std::move(code), std::move(what), std::move(remedy));
  }

  Span span(const yaml_mark_t& from, const yaml_mark_t& to) const {
    return {static_cast<std::uint32_t>(from.line + 1), static_cast<std::uint32_t>(from.column + 1),
            offsets_.byte_at(from.index), offsets_.byte_at(to.index)};
  }
  Span here() const { return span(events_.event().start_mark, events_.event().end_mark); }

  bool count_node(std::size_t depth) {
    ++nodes_;
    if (nodes_ > limits_.nodes) {
      error(here(), "yaml-limit", fmt::format("more than {} values in one file", limits_.nodes));
      return false;
    }
    if (depth > limits_.depth) {
      error(here(), "yaml-limit", fmt::format("nested more than {} levels deep", limits_.depth));
      return false;
    }
    return true;
  }

  // Reads the node whose first event is under the cursor.
  Value node(std::size_t depth) {
    if (!count_node(depth)) return {};
    const yaml_event_t& event = events_.event();
    const Span where = here();
    switch (event.type) {
      case YAML_ALIAS_EVENT:
        return alias(text_of(event.data.alias.anchor), where);
      case YAML_SCALAR_EVENT: {
        const std::string anchor(text_of(event.data.scalar.anchor));
        Value value = scalar(event, where);
        if (!anchor.empty()) anchors_[anchor] = {value, 1};
        return value;
      }
      case YAML_SEQUENCE_START_EVENT:
        return anchored(text_of(event.data.sequence_start.anchor), where,
                        [&] { return sequence(depth); });
      case YAML_MAPPING_START_EVENT:
        return anchored(text_of(event.data.mapping_start.anchor), where,
                        [&] { return mapping(depth); });
      default:
        error(where, "yaml-syntax", "yaml: a value was expected here");
        return {};
    }
  }

  template <class Read>
  Value anchored(std::string_view name, Span where, Read read) {
    const std::string anchor(name);
    if (!anchor.empty()) anchors_[anchor] = {};
    const std::size_t before = nodes_;
    Value value = read();
    value.where = where;
    if (!anchor.empty()) anchors_[anchor] = {value, nodes_ - before + 1};
    return value;
  }

  Value alias(std::string_view name, Span where) {
    const auto found = anchors_.find(name);
    if (found == anchors_.end()) {
      error(where, "yaml-alias", fmt::format("yaml: unknown anchor '{}' referenced", name));
      return {};
    }
    if (!found->second.value) {
      error(where, "yaml-alias", fmt::format("yaml: anchor '{}' value contains itself", name));
      return {};
    }
    nodes_from_aliases_ += found->second.nodes;
    nodes_ += found->second.nodes;
    if (nodes_from_aliases_ > limits_.nodes_from_aliases) {
      error(where, "yaml-alias", "yaml: document contains excessive aliasing");
      return {};
    }
    return *found->second.value;
  }

  static Value scalar(const yaml_event_t& event, Span where) {
    const auto& data = event.data.scalar;
    const std::string_view text(reinterpret_cast<const char*>(data.value), data.length);
    const std::string_view tag = text_of(data.tag);
    const bool plain = data.style == YAML_PLAIN_SCALAR_STYLE;
    Value value = plain && tag.empty() ? resolve_plain(text) : Value(text);
    if (tag == "tag:yaml.org,2002:int" || tag == "tag:yaml.org,2002:float" ||
        tag == "tag:yaml.org,2002:bool" || tag == "tag:yaml.org,2002:null")
      value = resolve_plain(text);
    value.where = where;
    value.quoted = !plain;
    return value;
  }

  Value sequence(std::size_t depth) {
    Value::List items;
    while (next() && events_.event().type != YAML_SEQUENCE_END_EVENT) {
      items.push_back(node(depth + 1));
      if (failed_) break;
    }
    return Value(std::move(items));
  }

  std::optional<std::string> key_text(const Value& key) {
    switch (key.kind()) {
      case Value::Kind::String:
        return key.as_string();
      case Value::Kind::Bool:
        return key.as_bool() ? "true" : "false";
      case Value::Kind::Int:
        return std::to_string(key.as_int());
      case Value::Kind::Double:
        return fmt::format("{}", key.as_double());
      default:
        break;
    }
    error(key.where, "yaml-key", fmt::format("{} cannot be a key", key.kind_text()),
          "write a plain word before the colon");
    return std::nullopt;
  }

  Value mapping(std::size_t depth) {
    Value::Map members;
    std::vector<Value> merges;
    while (next() && events_.event().type != YAML_MAPPING_END_EVENT) {
      const Value key = node(depth + 1);
      if (failed_ || !next()) break;
      std::optional<std::string> name = key_text(key);
      if (!name) break;
      Value value = node(depth + 1);
      if (failed_) break;
      if (*name == "<<" && !key.quoted)
        merges.push_back(std::move(value));
      else
        members.push_back({std::move(*name), std::move(value), key.where});
    }
    drop_repeated(members);
    if (!merges.empty()) {
      std::set<std::string, std::less<>> taken;
      for (const Member& member : members) taken.insert(member.key);
      for (const Value& merge : merges) apply_merge(merge, members, taken);
    }
    return Value(std::move(members));
  }

  // Leaves one member of each key.
  void drop_repeated(Value::Map& members) {
    std::vector<std::size_t> order(members.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const int keys = members[a].key.compare(members[b].key);
      return keys != 0 ? keys < 0 : a < b;
    });
    std::vector<std::pair<std::size_t, std::size_t>> repeated;  // member, the first of its key
    for (std::size_t i = 1, first = 0; i < order.size(); ++i) {
      if (members[order[i]].key == members[order[first]].key)
        repeated.emplace_back(order[i], order[first]);
      else
        first = i;
    }
    if (repeated.empty()) return;
    std::sort(repeated.begin(), repeated.end());
    std::vector<bool> dropped(members.size());
    std::map<std::size_t, std::size_t> last;  // of each first
    for (const auto& [member, first] : repeated) {
      if (limits_.last_repeated_key_wins) {
        const auto earlier = last.find(first);
        dropped[earlier == last.end() ? first : earlier->second] = true;
        last[first] = member;
        continue;
      }
      dropped[member] = true;
      diagnostics_.error(file_, members[member].key_where, "duplicate-key",
                         fmt::format("key \"{}\" is already set at line {}", members[member].key,
                                     members[first].key_where.line),
                         "keep one of the two");
    }
    std::size_t at = 0;
    std::erase_if(members, [&](const Member&) { return dropped[at++]; });
  }

  void apply_merge(const Value& merge, Value::Map& members,
                   std::set<std::string, std::less<>>& taken) {
    if (merge.is_list()) {
      for (const Value& item : merge.as_list()) {
        if (item.is_map()) {
          apply_merge(item, members, taken);
        } else {
          error(item.where, "yaml-merge",
                "yaml: map merge requires map or sequence of maps as the value");
        }
      }
      return;
    }
    if (!merge.is_map()) {
      error(merge.where, "yaml-merge",
            "yaml: map merge requires map or sequence of maps as the value");
      return;
    }
    for (const Member& member : merge.as_map())
      if (taken.insert(member.key).second) members.push_back(member);
  }

  Events events_;
  Offsets offsets_;
  std::string file_;
  Diagnostics& diagnostics_;
  YamlLimits limits_;
  std::map<std::string, Anchor, std::less<>> anchors_;
  std::size_t nodes_ = 0;
  std::size_t nodes_from_aliases_ = 0;
  bool failed_ = false;
};

// YAML ends a key at 1024 characters unless it is announced ("? key").
constexpr std::size_t kMostOfPlainKey = 1000;
constexpr std::string_view kNextLine = "\xC2\x85";

bool needs_quotes(std::string_view text) {
  if (text.empty() || !resolve_plain(text).is_string()) return true;
  if (text.front() == ' ' || text.back() == ' ' || text.back() == ':') return true;
  // A byte order mark in front would be gone, a next-line character (U+0085) a space.
  if (text.starts_with("\xEF\xBB\xBF") || text.find(kNextLine) != std::string_view::npos)
    return true;
  constexpr std::string_view kIndicators = "-?:,[]{}#&*!|>'\"%@`=<";
  const bool dash_word = text.size() > 1 && text[0] == '-' && text[1] != ' ' && text[1] != '-';
  if (kIndicators.find(text[0]) != std::string_view::npos && !dash_word) return true;
  // A colon inside a word is a plain scalar too, but people read it as a key.
  if (text.find(':') != std::string_view::npos || text.find(" #") != std::string_view::npos)
    return true;
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  return false;
}

class YamlWriter {
 public:
  std::string out;

  void write(const Value& value, std::size_t depth) {
    if (value.is_map() && !value.as_map().empty())
      write_map(value.as_map(), depth);
    else if (value.is_list() && !value.as_list().empty())
      write_list(value.as_list(), depth);
    else
      out += scalar(value) + "\n";
  }

 private:
  static std::string scalar(const Value& value);

  void indent(std::size_t depth) { out.append(2 * depth, ' '); }

  static bool is_block(const Value& value) {
    return (value.is_map() && !value.as_map().empty()) ||
           (value.is_list() && !value.as_list().empty());
  }

  void write_map(const Value::Map& members, std::size_t depth, bool first_in_place = false) {
    for (const Member& member : members) {
      if (!first_in_place) indent(depth);
      first_in_place = false;
      const std::string key = needs_quotes(member.key) ? scalar(Value(member.key)) : member.key;
      const bool plain_key = key.size() <= kMostOfPlainKey;
      out += plain_key ? key : "? " + key + "\n";
      if (!plain_key) indent(depth);
      if (!is_block(member.value)) {
        out += ": " + scalar(member.value) + "\n";
        continue;
      }
      out += ":\n";
      write(member.value, member.value.is_list() ? depth : depth + 1);
    }
  }

  void write_list(const Value::List& items, std::size_t depth) {
    for (const Value& item : items) {
      indent(depth);
      out += "- ";
      if (item.is_map() && !item.as_map().empty()) {
        write_map(item.as_map(), depth + 1, true);
      } else if (is_block(item)) {
        out += "\n";
        write(item, depth + 1);
      } else {
        out += scalar(item) + "\n";
      }
    }
  }
};

std::string YamlWriter::scalar(const Value& value) {
  if (value.is_string() && !needs_quotes(value.as_string())) return value.as_string();
  if (value.kind() == Value::Kind::Double) {
    if (std::isnan(value.as_double())) return ".nan";
    if (std::isinf(value.as_double())) return value.as_double() > 0 ? ".inf" : "-.inf";
    const std::string text = write_json(value);
    return parse_integer(text) ? text + ".0"
                               : text;  // a whole double must not read back as an integer
  }
  std::string text = write_json(value);  // JSON's scalars, strings and empty containers are YAML
  for (std::size_t at = 0; (at = text.find(kNextLine, at)) != std::string::npos;)
    text.replace(at, kNextLine.size(), "\\u0085");  // but in YAML this one breaks a line
  return text;
}

}  // namespace

std::vector<Value> read_yaml(std::string_view text, const std::string& file,
                             Diagnostics& diagnostics, const YamlLimits& limits) {
  if (text.size() > limits.bytes) {
    diagnostics.error(
        file, {}, "yaml-limit",
        fmt::format("{} bytes is more than the {} that are read", text.size(), limits.bytes),
        "split the file");
    return {};
  }
  if (text.starts_with("\xFE\xFF") || text.starts_with("\xFF\xFE")) {
    diagnostics.error(file, {1, 1, 0, 0}, "yaml-encoding", "this is UTF-16", "write UTF-8");
    return {};
  }
  return YamlReader(text, file, diagnostics, limits).read();
}

std::string write_yaml(const Value& value) {
  YamlWriter writer;
  writer.write(value, 0);
  return std::move(writer.out);
}

}  // namespace gputide::codec
