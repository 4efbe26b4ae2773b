// Golden vectors: what the real programs answered. Each file of that form has one checker here,
// named like it. A checker runs our code on every case and says equal or unequal, with both
// answers.
#pragma once

#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/result.h"
#include "codec/json.h"
#include "codec/objects.h"
#include "model/value.h"

namespace gputide::golden {

using model::Value;

/// What one file's checker found.
class Report {
 public:
  void equal() { ++equal_; }
  void unequal(std::string_view id, std::string ours, std::string theirs);
  /// Counts equal when both texts are the same, else unequal.
  void compare(std::string_view id, const std::string& ours, const std::string& theirs);
  /// Counts equal when both values have the same content (order of map members does not count).
  void compare(std::string_view id, const Value& ours, const Value& theirs);

  struct Unequal {
    std::string id, ours, theirs;
  };
  std::size_t equal_count() const { return equal_; }
  const std::vector<Unequal>& unequal_cases() const { return unequal_; }

 private:
  std::size_t equal_ = 0;
  std::vector<Unequal> unequal_;
};

/// Runs every case (one JSON object each, as in the file) of one golden file.
using Checker = void (*)(std::span<const Value> cases, Report& report);

/// A checker for FILE.jsonl.gz. Registered by a static object in the checker's own source:
///   const golden::Register kQuantities("quantities", check_quantities);
struct Register {
  Register(std::string_view file, Checker checker);
};

// For checkers.
std::string_view id_of(const Value& golden_case);
/// The member, which must be there.
const Value& need(const Value& value, std::string_view key);
/// The strings of a list; none where there is no list.
std::vector<std::string> texts(const Value* list);
/// A typed object from a case's JSON; the data is known to decode, so findings end the program.
template <class Kind>
Kind read(const Value& value) {
  Diagnostics diagnostics;
  Kind kind = codec::read_kind<Kind>(value, "golden", diagnostics);
  for (const Diagnostic& d : diagnostics.list())
    if (d.severity == Severity::Error) throw std::runtime_error(text(d));
  return kind;
}
template <class Kind>
std::vector<Kind> read_all(const Value* list) {
  std::vector<Kind> out;
  if (list == nullptr || !list->is_list()) return out;
  for (const Value& item : list->as_list()) {
    Value body = item;
    if (body.is_map())
      std::erase_if(body.as_map(), [](const model::Member& m) {
        return m.key == "apiVersion" || m.key == "kind";
      });
    out.push_back(read<Kind>(body));
  }
  return out;
}

}  // namespace gputide::golden
