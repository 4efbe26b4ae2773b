#include "model/names.h"

namespace gputide::model {

std::string safe_encode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text)
    out += kSafeLetters[static_cast<unsigned char>(c) % kSafeLetters.size()];
  return out;
}

std::string_view name_prefix(std::string_view generate_name) {
  return generate_name.substr(0, kNamePrefixLength);
}

}  // namespace gputide::model
