// Go's unstable sort, with the order in which it leaves equal elements. Where a Go program sorts
// with ties, its answer depends on that order; this reproduces it. Source: pattern-defeating
// quicksort as in Go 1.21+ (sort.Slice).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace gputide {

/// Sorts `size` elements that are reached only by index: `less(i, j)` compares, `swap(i, j)`
/// exchanges.
template <class Less, class Swap>
class GoSorter {
 public:
  GoSorter(Less less, Swap swap) : less_(std::move(less)), swap_(std::move(swap)) {}

  void sort(std::size_t size) {
    run(0, static_cast<Index>(size), static_cast<int>(std::bit_width(size)));
  }

 private:
  using Index = std::ptrdiff_t;
  enum class Hint { Unknown, Increasing, Decreasing };

  static constexpr Index kInsertion = 12;  // at most so many are sorted by insertion
  static constexpr Index kNinther = 50;    // from here on the pivot is a median of medians
  static constexpr Index kShifting = 50;   // from here on a few misplaced elements are moved
  static constexpr int kMaxSwaps = 12;     // all comparisons of choose_pivot swapped

  bool less(Index i, Index j) {
    return less_(static_cast<std::size_t>(i), static_cast<std::size_t>(j));
  }
  void swap(Index i, Index j) { swap_(static_cast<std::size_t>(i), static_cast<std::size_t>(j)); }

  void run(Index begin, Index end, int limit) {
    bool balanced = true;
    bool partitioned = true;
    for (;;) {
      const Index length = end - begin;
      if (length <= kInsertion) return insertion_sort(begin, end);
      if (limit == 0) return heap_sort(begin, end);
      if (!balanced) {
        break_patterns(begin, end);
        --limit;
      }
      auto [pivot, hint] = choose_pivot(begin, end);
      if (hint == Hint::Decreasing) {
        for (Index i = begin, j = end - 1; i < j; ++i, --j) swap(i, j);
        pivot = (end - 1) - (pivot - begin);
        hint = Hint::Increasing;
      }
      if (balanced && partitioned && hint == Hint::Increasing && nearly_sorted(begin, end)) return;
      if (begin > 0 && !less(begin - 1, pivot)) {
        begin = partition_equal(begin, end, pivot);
        continue;
      }
      const auto [middle, already] = partition(begin, end, pivot);
      partitioned = already;
      const Index left = middle - begin;
      const Index right = end - middle;
      balanced = (left < right ? left : right) >= length / 8;
      if (left < right) {
        run(begin, middle, limit);
        begin = middle + 1;
      } else {
        run(middle + 1, end, limit);
        end = middle;
      }
    }
  }

  void insertion_sort(Index begin, Index end) {
    for (Index i = begin + 1; i < end; ++i)
      for (Index j = i; j > begin && less(j, j - 1); --j) swap(j, j - 1);
  }

  void sift_down(Index root, Index end, Index first) {
    for (;;) {
      Index child = 2 * root + 1;
      if (child >= end) return;
      if (child + 1 < end && less(first + child, first + child + 1)) ++child;
      if (!less(first + root, first + child)) return;
      swap(first + root, first + child);
      root = child;
    }
  }

  void heap_sort(Index begin, Index end) {
    const Index size = end - begin;
    for (Index i = (size - 1) / 2; i >= 0; --i) sift_down(i, size, begin);
    for (Index i = size - 1; i >= 0; --i) {
      swap(begin, begin + i);
      sift_down(0, i, begin);
    }
  }

  // Elements below the pivot go left of it; also says whether nothing had to move.
  std::pair<Index, bool> partition(Index begin, Index end, Index pivot) {
    swap(begin, pivot);
    Index i = begin + 1;
    Index j = end - 1;
    bool moved = false;
    for (;;) {
      while (i <= j && less(i, begin)) ++i;
      while (i <= j && !less(j, begin)) --j;
      if (i > j) break;
      swap(i, j);
      moved = true;
      ++i;
      --j;
    }
    swap(j, begin);
    return {j, !moved};
  }

  // Elements equal to the pivot go left; returns where the larger ones begin.
  Index partition_equal(Index begin, Index end, Index pivot) {
    swap(begin, pivot);
    Index i = begin + 1;
    Index j = end - 1;
    for (;;) {
      while (i <= j && !less(begin, i)) ++i;
      while (i <= j && less(begin, j)) --j;
      if (i > j) return i;
      swap(i, j);
      ++i;
      --j;
    }
  }

  // True when the range is sorted, if need be after moving a few elements.
  bool nearly_sorted(Index begin, Index end) {
    Index i = begin + 1;
    for (int step = 0; step < 5; ++step) {
      while (i < end && !less(i, i - 1)) ++i;
      if (i == end) return true;
      if (end - begin < kShifting) return false;
      swap(i, i - 1);
      if (i - begin >= 2)
        for (Index j = i - 1; j >= 1 && less(j, j - 1); --j) swap(j, j - 1);
      if (end - i >= 2)
        for (Index j = i + 1; j < end && less(j, j - 1); ++j) swap(j, j - 1);
    }
    return false;
  }

  // Scatters three elements, as a fixed function of the length.
  void break_patterns(Index begin, Index end) {
    const Index length = end - begin;
    if (length < 8) return;
    std::uint64_t random = static_cast<std::uint64_t>(length);
    const std::uint64_t mask = (std::uint64_t{1} << std::bit_width(random)) - 1;
    const Index at = begin + (length / 4) * 2 - 1;
    for (Index i = 0; i < 3; ++i) {
      random ^= random << 13;
      random ^= random >> 17;
      random ^= random << 5;
      Index other = static_cast<Index>(random & mask);
      if (other >= length) other -= length;
      swap(at + i, begin + other);
    }
  }

  std::pair<Index, Hint> choose_pivot(Index begin, Index end) {
    const Index length = end - begin;
    int swaps = 0;
    Index i = begin + length / 4;
    Index j = begin + length / 4 * 2;
    Index k = begin + length / 4 * 3;
    if (length >= kNinther) {
      i = median(i - 1, i, i + 1, swaps);
      j = median(j - 1, j, j + 1, swaps);
      k = median(k - 1, k, k + 1, swaps);
    }
    j = median(i, j, k, swaps);
    if (swaps == 0) return {j, Hint::Increasing};
    return {j, swaps == kMaxSwaps ? Hint::Decreasing : Hint::Unknown};
  }

  Index median(Index a, Index b, Index c, int& swaps) {
    order(a, b, swaps);
    order(b, c, swaps);
    order(a, b, swaps);
    return b;
  }

  void order(Index& a, Index& b, int& swaps) {
    if (!less(b, a)) return;
    ++swaps;
    std::swap(a, b);
  }

  Less less_;
  Swap swap_;
};

/// Sorts a random-access container as Go's sort.Slice does; `less` compares two elements.
template <class Container, class Less>
void go_sort(Container& items, Less less) {
  GoSorter sorter([&](std::size_t i, std::size_t j) { return less(items[i], items[j]); },
                  [&](std::size_t i, std::size_t j) { std::swap(items[i], items[j]); });
  sorter.sort(items.size());
}

}  // namespace gputide
