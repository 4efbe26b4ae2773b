// Where something stands in the document that an object was read from.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/diagnostic.h"
#include "model/object.h"

namespace gputide::checking {

/// A way down a document. Steps that are not there keep the place of the last that was, so that
/// every finding has a line.
class Place {
 public:
  explicit Place(const model::Object& object)
      : file_(&object.file), value_(&object.source), where_(object.source.where) {}

  Place operator[](std::string_view key) const;
  Place operator[](std::size_t index) const;

  bool exists() const { return value_ != nullptr; }
  /// nullptr when a step was not there.
  const model::Value* get() const { return value_; }
  const std::string& file() const { return *file_; }
  /// Of the value; of the nearest that exists above it otherwise.
  Span where() const { return where_; }
  /// Of the key that leads to the value; `where()` for list items.
  Span key() const { return key_ ? *key_ : where_; }

 private:
  const std::string* file_;
  const model::Value* value_;  // nullptr after a step that was not there
  Span where_;
  std::optional<Span> key_;
};

/// Adds members at the head of a map that somebody wrote (after a leading `name`), in the map's own
/// style and indentation.
/// nullopt for what nobody wrote, and for empty maps.
std::optional<Edit> insert_members(const model::Value* map, const model::Value::Map& members);

/// Replaces a scalar or a key, quoted as YAML needs it. nullopt for what nobody wrote.
std::optional<Edit> replace_text(Span where, std::string_view text);

}  // namespace gputide::checking
