#include "decide/checking/place.h"

#include "base/text.h"
#include "codec/json.h"
#include "codec/yaml.h"

namespace gputide::checking {

using model::Value;

Place Place::operator[](std::string_view key) const {
  Place next = *this;
  next.value_ = nullptr;
  if (value_ == nullptr || !value_->is_map()) return next;
  for (const model::Member& member : value_->as_map()) {
    if (member.key != key) continue;
    next.value_ = &member.value;
    next.key_ = member.key_where;
    // An empty value has no place of its own that a person would look for.
    next.where_ = member.value.where.line != 0 ? member.value.where : member.key_where;
    return next;
  }
  return next;
}

Place Place::operator[](std::size_t index) const {
  Place next = *this;
  next.value_ = nullptr;
  if (value_ == nullptr || !value_->is_list() || index >= value_->as_list().size()) return next;
  next.value_ = &value_->as_list()[index];
  next.where_ = next.value_->where;
  next.key_.reset();
  return next;
}

std::optional<Edit> insert_members(const Value* map, const Value::Map& members) {
  if (map == nullptr || !map->is_map() || map->as_map().empty()) return std::nullopt;
  const Value::Map& there = map->as_map();
  const Span first = there.front().key_where;
  // What is named is read best with its name first.
  const bool named = there.front().key == "name" && there.size() > 1;
  const Span before = named ? there[1].key_where : first;
  if (before.line == 0 || map->where.line == 0) return std::nullopt;
  Edit edit;
  edit.where = {before.line, before.column, before.begin, before.begin};
  const bool flow = map->where.begin < first.begin;  // a '{' stands before the first key
  if (flow) {
    const std::string text = codec::write_json(Value(members));
    edit.text = text.substr(1, text.size() - 2) + ", ";
    return edit;
  }
  const std::string indent(before.column - 1, ' ');
  const std::string text = codec::write_yaml(Value(members));
  for (const std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;  // the end of the last line
    edit.text += std::string(line) + "\n" + indent;
  }
  return edit;
}

std::optional<Edit> replace_text(Span where, std::string_view text) {
  if (where.end <= where.begin) return std::nullopt;
  std::string written = codec::write_yaml(Value(text));
  while (!written.empty() && written.back() == '\n') written.pop_back();
  return Edit{where, std::move(written)};
}

}  // namespace gputide::checking
