// Selectors compiled for matching: labels (as objects and as kubectl -l reads them) and fields.
// Source: k8s.io/apimachinery 0.31 pkg/labels, pkg/fields, meta/v1 LabelSelectorAsSelector.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/meta.h"
#include "model/validation.h"

namespace gputide::model {

/// Which labels an object must and must not have. Compile once, match many.
class Selector {
 public:
  enum class Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    Equals,        // =
    DoubleEquals,  // ==
    NotEquals,
    GreaterThan,
    LessThan
  };
  struct Requirement {
    std::string key;
    Operator operator_ = Operator::Exists;
    std::vector<std::string> values;  // as written; those of a parsed text are sorted
    std::int64_t bound = 0;           // of GreaterThan and LessThan
    bool matches(const StringMap& labels) const;
  };

  /// A requirement for Selector::all_of, or nullopt and what the API server says of it, each
  /// problem naming its place below `path` ("" where there is none).
  static std::optional<Requirement> requirement(std::string_view key, Operator op,
                                                std::vector<std::string> values,
                                                std::string_view path, Problems& problems);

  /// Selects nothing.
  Selector() = default;
  static Selector nothing() { return {}; }
  static Selector everything();
  static Selector all_of(std::vector<Requirement> requirements);

  /// An absent selector selects nothing, an empty one everything; an error says what the API server
  /// would.
  static Result<Selector> compile(const std::optional<LabelSelector>& selector);
  static Result<Selector> compile(const LabelSelector& selector);
  /// compile(), where a selector that is wrong selects nothing.
  static Selector of(const std::optional<LabelSelector>& selector);
  /// Reads "a=b,c in (d,e),!f": what kubectl -l takes.
  static Result<Selector> parse(std::string_view text);

  bool matches(const StringMap& labels) const {
    if (nothing_) return false;
    for (const Requirement& requirement : requirements_)
      if (!requirement.matches(labels)) return false;
    return true;
  }

  /// Selects everything.
  bool empty() const { return !nothing_ && requirements_.empty(); }
  bool selects_nothing() const { return nothing_; }
  /// In the order of their keys.
  std::span<const Requirement> requirements() const { return requirements_; }
  /// In the syntax that parse() reads.
  std::string text() const;

 private:
  explicit Selector(std::vector<Requirement> requirements);

  std::vector<Requirement> requirements_;
  bool nothing_ = true;
};

/// A list of strings as Go's %#v writes it: what error texts quote.
std::string go_list(const std::vector<std::string>& values);

/// Several problems as one text: "[a, b]"; the same said twice is said once.
std::string aggregate(const Problems& problems);

/// The operator's name in golden data and error texts: "in", "=", "exists", "!".
std::string_view operator_name(Selector::Operator op);

/// Which fields an object must have, as kubectl --field-selector reads it.
class FieldSelector {
 public:
  struct Term {
    std::string field;
    bool equal = true;
    std::string value;
  };

  /// Selects everything.
  FieldSelector() = default;
  static Result<FieldSelector> parse(std::string_view text);

  /// `fields` as path -> text; an absent field counts as "".
  bool matches(const StringMap& fields) const;
  bool empty() const { return terms_.empty(); }
  std::span<const Term> terms() const { return terms_; }
  std::string text() const;

 private:
  std::vector<Term> terms_;
};

}  // namespace gputide::model
