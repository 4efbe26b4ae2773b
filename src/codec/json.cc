#include "codec/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>
#include <fmt/core.h>

namespace gputide::codec {
namespace {

using model::Member;
using model::Value;

// Builds a Value from the parser's events: a stack of open containers and the key waiting for its
// value.
struct Builder {
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);

  struct Open {
    Value value;
    std::string key;
  };
  std::vector<Open> open;
  std::string text;
  Value root;

  using Code = boost::json::error_code;
  using Text = boost::json::string_view;

  void put(Value value) {
    if (open.empty()) {
      root = std::move(value);
      return;
    }
    Open& parent = open.back();
    if (parent.value.is_list()) {
      parent.value.as_list().push_back(std::move(value));
    } else {
      parent.value.as_map().push_back({std::move(parent.key), std::move(value), {}});
      parent.key.clear();
    }
  }

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) {
    open.push_back({Value(Value::Map()), {}});
    return true;
  }
  bool on_object_end(std::size_t, Code&) {
    Value done = std::move(open.back().value);
    open.pop_back();
    keep_last_of_repeated_keys(done.as_map());
    put(std::move(done));
    return true;
  }
  bool on_array_begin(Code&) {
    open.push_back({Value(Value::List()), {}});
    return true;
  }
  bool on_array_end(std::size_t, Code&) {
    Value done = std::move(open.back().value);
    open.pop_back();
    put(std::move(done));
    return true;
  }
  bool on_key_part(Text part, std::size_t, Code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_key(Text part, std::size_t, Code&) {
    text.append(part.data(), part.size());
    open.back().key = std::exchange(text, {});
    return true;
  }
  bool on_string_part(Text part, std::size_t, Code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_string(Text part, std::size_t, Code&) {
    text.append(part.data(), part.size());
    put(Value(std::exchange(text, {})));
    return true;
  }
  bool on_number_part(Text part, Code&) {
    text.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t n, Text, Code&) {
    text.clear();
    put(Value(n));
    return true;
  }
  bool on_uint64(std::uint64_t n, Text, Code&) {
    text.clear();
    put(Value(static_cast<double>(n)));
    return true;
  }
  // Boost 1.81's own conversion is off by a unit in the last place for some numbers.
  bool on_double(double d, Text part, Code&) {
    text.append(part.data(), part.size());
    const std::string number = std::exchange(text, {});
    const char* const end = number.data() + number.size();
    double exact = d;
    const auto [stopped, code] = std::from_chars(number.data(), end, exact);
    put(Value(code == std::errc() && stopped == end ? exact : d));
    return true;
  }
  bool on_bool(bool b, Code&) {
    put(Value(b));
    return true;
  }
  bool on_null(Code&) {
    put(Value());
    return true;
  }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }

  static void keep_last_of_repeated_keys(Value::Map& members) {
    if (members.size() < 2) return;
    std::vector<std::size_t> order(members.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return members[a].key < members[b].key; });
    std::vector<bool> drop(members.size());
    bool any = false;
    for (std::size_t i = 0; i + 1 < order.size(); ++i)
      if (members[order[i]].key == members[order[i + 1]].key) any = drop[order[i]] = true;
    if (!any) return;
    Value::Map kept;
    for (std::size_t i = 0; i < members.size(); ++i)
      if (!drop[i]) kept.push_back(std::move(members[i]));
    members = std::move(kept);
  }
};

void append_double(std::string& out, double d) {
  if (std::isnan(d) || std::isinf(d)) {
    out += "null";
    return;
  }
  char buffer[32];
  const auto [end, code] = std::to_chars(buffer, buffer + sizeof buffer, d);
  out.append(buffer, end);
  static_cast<void>(code);  // 32 bytes hold every shortest double
}

class Writer {
 public:
  explicit Writer(JsonStyle style) : indented_(style == JsonStyle::Indented) {}

  void write(const Value& value) {
    switch (value.kind()) {
      case Value::Kind::Null:
        out += "null";
        return;
      case Value::Kind::Bool:
        out += value.as_bool() ? "true" : "false";
        return;
      case Value::Kind::Int:
        out += std::to_string(value.as_int());
        return;
      case Value::Kind::Double:
        append_double(out, value.as_double());
        return;
      case Value::Kind::String:
        append_json_string(out, value.as_string());
        return;
      case Value::Kind::List:
        write_list(value.as_list());
        return;
      case Value::Kind::Map:
        write_map(value.as_map());
        return;
    }
  }

  std::string out;

 private:
  void line() {
    if (!indented_) return;
    out += '\n';
    out.append(2 * depth_, ' ');
  }
  void write_list(const Value::List& items) {
    out += '[';
    ++depth_;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i != 0) out += ',';
      line();
      write(items[i]);
    }
    --depth_;
    if (!items.empty()) line();
    out += ']';
  }
  void write_map(const Value::Map& members) {
    out += '{';
    ++depth_;
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i != 0) out += ',';
      line();
      append_json_string(out, members[i].key);
      out += indented_ ? ": " : ":";
      write(members[i].value);
    }
    --depth_;
    if (!members.empty()) line();
    out += '}';
  }

  bool indented_;
  std::size_t depth_ = 0;
};

}  // namespace

Result<Value> read_json(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 500;
  boost::json::basic_parser<Builder> parser(options);
  boost::json::error_code code;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), code);
  if (code) return fail(fmt::format("not JSON at byte {}: {}", used, code.message()));
  const std::size_t rest = text.find_first_not_of(" \t\r\n", used);
  if (rest != std::string_view::npos)
    return fail(fmt::format("not JSON at byte {}: text after the end of the value", rest));
  return std::move(parser.handler().root);
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kHex[c >> 4];
          out += kHex[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

std::string write_json(const Value& value, JsonStyle style) {
  Writer writer(style);
  writer.write(value);
  return std::move(writer.out);
}

}  // namespace gputide::codec
