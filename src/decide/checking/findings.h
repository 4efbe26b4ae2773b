// Where the checks put what they find.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/diagnostic.h"
#include "decide/checking/place.h"

namespace gputide::checking {

/// One finding about to be added. `code` must be one of codes().
struct Finding {
  std::string_view code;
  std::string what;
  std::string remedy;
  std::vector<Edit> fix = {};
};

class Findings {
 public:
  explicit Findings(Diagnostics& out) : out_(out) {}

  void error(const Place& place, Finding finding) {
    error(place, place.where(), std::move(finding));
  }
  void warning(const Place& place, Finding finding) {
    warning(place, place.where(), std::move(finding));
  }
  void error(const Place& place, Span where, Finding finding) {
    add(Severity::Error, place, where, std::move(finding));
  }
  void warning(const Place& place, Span where, Finding finding) {
    add(Severity::Warning, place, where, std::move(finding));
  }
  /// Findings of other decisions, as they are.
  void append(const Diagnostics& others) { out_.append(others); }
  void add(Severity severity, const Place& place, Span where, Finding finding);

 private:
  Diagnostics& out_;
};

/// A fix of one edit, or none when it cannot be made.
inline std::vector<Edit> one_edit(std::optional<Edit> edit) {
  if (!edit) return {};
  return {std::move(*edit)};
}

}  // namespace gputide::checking
