// Any bytes: what is read as YAML without an error is written as YAML that reads back equal, and a
// reading always says where its findings are.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/diagnostic.h"
#include "codec/yaml.h"

namespace codec = gputide::codec;

namespace {

bool has_error(const gputide::Diagnostics& diagnostics) {
  for (const gputide::Diagnostic& each : diagnostics.list())
    if (each.severity == gputide::Severity::Error) return true;
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  gputide::Diagnostics findings;
  const auto documents = codec::read_yaml(text, "fuzz.yaml", findings);
  if (has_error(findings)) return 0;
  for (const gputide::model::Value& document : documents) {
    gputide::Diagnostics again_findings;
    const std::string written = codec::write_yaml(document);
    const auto again = codec::read_yaml(written, "again.yaml", again_findings);
    GPUTIDE_CHECK(!has_error(again_findings));
    if (document.is_null()) continue;  // an empty document is left out
    const gputide::model::Value copy = document;
    if (!(copy == document)) continue;  // .nan somewhere, which equals nothing
    GPUTIDE_CHECK(again.size() == 1 && again.front() == document);
  }
  return 0;
}
