#include "report/json_text.h"

#include "codec/json.h"

namespace gputide::report {

std::string decimal(std::int64_t units, int digits) {
  const bool negative = units < 0;
  std::string text = std::to_string(negative ? 0 - static_cast<std::uint64_t>(units)
                                             : static_cast<std::uint64_t>(units));
  const auto fraction = static_cast<std::size_t>(digits);
  if (text.size() <= fraction) text.insert(0, fraction + 1 - text.size(), '0');
  text.insert(text.size() - fraction, ".");
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return negative ? "-" + text : text;
}

std::string json_string(std::string_view text) {
  std::string out;
  codec::append_json_string(out, text);
  return out;
}

}  // namespace gputide::report
