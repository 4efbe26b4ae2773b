// Reading a record's fields by name.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/money.h"
#include "port/record.h"

namespace gputide::report {

inline const port::FieldValue* find(const port::Record& record, std::string_view key) {
  for (const port::Field& field : record.fields)
    if (field.key == key) return &field.value;
  return nullptr;
}

/// "" when there is none.
inline std::string_view text_of(const port::Record& record, std::string_view key) {
  const auto* value = find(record, key);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string_view>(value);
  return text == nullptr ? std::string_view() : *text;
}

inline std::int64_t number_of(const port::Record& record, std::string_view key,
                              std::int64_t otherwise = 0) {
  const auto* value = find(record, key);
  if (value == nullptr) return otherwise;
  if (const auto* number = std::get_if<std::int64_t>(value)) return *number;
  if (const auto* money = std::get_if<Money>(value)) return money->micros();
  return otherwise;
}

/// "default/train-0" of "pod default/train-0".
inline std::string_view name_of(std::string_view subject) {
  const std::size_t space = subject.find(' ');
  return space == std::string_view::npos ? subject : subject.substr(space + 1);
}

}  // namespace gputide::report
