// Names: texts as small numbers, so that hot paths compare and index integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include <boost/unordered/unordered_flat_map.hpp>

#include "state/text_hash.h"

namespace gputide::state {

/// Numbers texts in the order in which they come. Numbers are never used again.
class Names {
 public:
  using Id = std::uint32_t;
  static constexpr Id kNone = UINT32_MAX;

  Names() = default;
  Names(const Names&) = delete;  // ids_ points into texts_
  Names& operator=(const Names&) = delete;

  Id of(std::string_view text) {
    const auto at = ids_.find(text);
    if (at != ids_.end()) return at->second;
    const auto id = static_cast<Id>(texts_.size());
    ids_.emplace(texts_.emplace_back(text), id);
    return id;
  }
  /// kNone for a text that was never numbered.
  Id find(std::string_view text) const {
    const auto at = ids_.find(text);
    return at == ids_.end() ? kNone : at->second;
  }
  const std::string& text(Id id) const { return texts_[id]; }
  std::size_t size() const { return texts_.size(); }

 private:
  std::deque<std::string> texts_;
  boost::unordered_flat_map<std::string_view, Id, TextHash, std::equal_to<>> ids_;
};

}  // namespace gputide::state
