// Some nodes of a cluster, by id.
#pragma once

#include <cstdint>
#include <vector>

namespace gputide::state {

class NodeSet {
 public:
  NodeSet() = default;
  /// Room for the nodes with ids below `end`.
  explicit NodeSet(std::int32_t end) : words_(word_of(end) + 1) {}
  void insert(std::int32_t node) {
    const std::size_t word = word_of(node);
    if (word >= words_.size()) words_.resize(word + 1);
    words_[word] |= bit_of(node);
  }
  void erase(std::int32_t node) {
    if (word_of(node) < words_.size()) words_[word_of(node)] &= ~bit_of(node);
  }
  bool contains(std::int32_t node) const { return (word(word_of(node)) & bit_of(node)) != 0; }
  /// The nodes with ids from 64 * index on, a bit each.
  std::uint64_t word(std::size_t index) const { return index < words_.size() ? words_[index] : 0; }

 private:
  static std::size_t word_of(std::int32_t node) { return static_cast<std::size_t>(node) / 64; }
  static std::uint64_t bit_of(std::int32_t node) {
    return std::uint64_t{1} << (static_cast<std::size_t>(node) % 64);
  }

  std::vector<std::uint64_t> words_;
};

}  // namespace gputide::state
