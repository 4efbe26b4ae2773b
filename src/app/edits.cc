#include "app/edits.h"

#include <algorithm>

#include <fmt/core.h>

namespace gputide::app {
namespace {

bool collide(const Span& a, const Span& b) {
  if (a.begin == a.end || b.begin == b.end) return a.begin <= b.end && b.begin <= a.end;
  return a.begin < b.end && b.begin < a.end;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::size_t size = end == std::string_view::npos ? text.size() : end + 1;
    lines.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

enum class Step : char { Keep, Remove, Add };

// The shortest edit script by Myers' greedy algorithm. When more than `kMost` lines differ, all are
// replaced: nobody reads such a diff.
class Script {
 public:
  Script(const std::vector<std::string_view>& before, const std::vector<std::string_view>& after)
      : a_(before), b_(after) {}

  std::vector<Step> steps() {
    const Index limit = std::min<Index>(size(a_) + size(b_), kMost);
    std::vector<Index> reach(static_cast<std::size_t>(2 * limit + 3), 0);
    const Index middle = limit + 1;
    const auto at = [&](Index k) -> Index& { return reach[static_cast<std::size_t>(middle + k)]; };
    for (Index d = 0; d <= limit; ++d) {
      history_.push_back(reach);
      for (Index k = -d; k <= d; k += 2) {
        const bool down = k == -d || (k != d && at(k - 1) < at(k + 1));
        Index x = down ? at(k + 1) : at(k - 1) + 1;
        while (x < size(a_) && x - k < size(b_) && same(x, x - k)) ++x;
        at(k) = x;
        if (x >= size(a_) && x - k >= size(b_)) return walk_back(d, middle);
      }
    }
    std::vector<Step> all(a_.size(), Step::Remove);
    all.insert(all.end(), b_.size(), Step::Add);
    return all;
  }

 private:
  using Index = std::ptrdiff_t;
  static constexpr Index kMost = 2000;
  static Index size(const std::vector<std::string_view>& lines) {
    return static_cast<Index>(lines.size());
  }
  bool same(Index x, Index y) const {
    return a_[static_cast<std::size_t>(x)] == b_[static_cast<std::size_t>(y)];
  }

  std::vector<Step> walk_back(Index d, Index middle) const {
    std::vector<Step> reversed;
    Index x = size(a_);
    Index y = size(b_);
    for (; d > 0; --d) {
      const auto& reach = history_[static_cast<std::size_t>(d)];
      const auto at = [&](Index k) { return reach[static_cast<std::size_t>(middle + k)]; };
      const Index k = x - y;
      const bool down = k == -d || (k != d && at(k - 1) < at(k + 1));
      const Index from_x = down ? at(k + 1) : at(k - 1);
      const Index from_y = from_x - (down ? k + 1 : k - 1);
      for (; x > from_x && y > from_y; --x, --y) reversed.push_back(Step::Keep);
      reversed.push_back(down ? Step::Add : Step::Remove);
      x = from_x;
      y = from_y;
    }
    for (; x > 0; --x) reversed.push_back(Step::Keep);
    std::reverse(reversed.begin(), reversed.end());
    return reversed;
  }

  const std::vector<std::string_view>& a_;
  const std::vector<std::string_view>& b_;
  std::vector<std::vector<Index>> history_;
};

void append_line(std::string& out, char mark, std::string_view line) {
  out += mark;
  out += line;
  if (line.empty() || line.back() != '\n') out += "\n\\ No newline at end of file\n";
}

}  // namespace

Edited make_fixes(std::string_view text, const std::vector<const Diagnostic*>& findings) {
  std::vector<Edit> accepted;
  Edited result;
  for (const Diagnostic* finding : findings) {
    const bool good = std::all_of(finding->fix.begin(), finding->fix.end(), [&](const Edit& edit) {
      return edit.where.begin <= edit.where.end && edit.where.end <= text.size() &&
             std::none_of(accepted.begin(), accepted.end(),
                          [&](const Edit& other) { return collide(edit.where, other.where); });
    });
    if (!good || finding->fix.empty()) continue;
    accepted.insert(accepted.end(), finding->fix.begin(), finding->fix.end());
    ++result.made;
  }
  std::sort(accepted.begin(), accepted.end(),
            [](const Edit& a, const Edit& b) { return a.where.begin < b.where.begin; });
  std::size_t done = 0;
  for (const Edit& edit : accepted) {
    result.text += text.substr(done, edit.where.begin - done);
    result.text += edit.text;
    done = edit.where.end;
  }
  result.text += text.substr(done);
  return result;
}

std::string unified_diff(std::string_view name, std::string_view before, std::string_view after) {
  if (before == after) return {};
  constexpr std::size_t kAround = 3;
  const auto a = lines_of(before);
  const auto b = lines_of(after);
  const std::vector<Step> steps = Script(a, b).steps();
  std::string out = fmt::format("--- {}\n+++ {}\n", name, name);
  std::size_t i = 0;  // step
  std::size_t x = 0;  // line of a
  std::size_t y = 0;  // line of b
  while (i < steps.size()) {
    std::size_t change = i;
    while (change < steps.size() && steps[change] == Step::Keep) ++change;
    if (change == steps.size()) break;
    const std::size_t lead = std::min(kAround, change - i);
    x += change - i - lead;
    y += change - i - lead;
    i = change - lead;
    // The hunk ends where more than twice the surrounding lines are kept.
    std::size_t end = change;
    for (std::size_t kept = 0, j = change; j < steps.size() && kept <= 2 * kAround; ++j) {
      kept = steps[j] == Step::Keep ? kept + 1 : 0;
      if (steps[j] != Step::Keep) end = j + 1;
    }
    const std::size_t tail = std::min(end + kAround, steps.size());
    std::string body;
    const std::size_t first_x = x;
    const std::size_t first_y = y;
    for (; i < tail; ++i) {
      if (steps[i] == Step::Keep) append_line(body, ' ', a[x]);
      if (steps[i] == Step::Remove) append_line(body, '-', a[x]);
      if (steps[i] == Step::Add) append_line(body, '+', b[y]);
      x += steps[i] != Step::Add ? 1 : 0;
      y += steps[i] != Step::Remove ? 1 : 0;
    }
    out += fmt::format("@@ -{},{} +{},{} @@\n{}", x == first_x ? first_x : first_x + 1, x - first_x,
                       y == first_y ? first_y : first_y + 1, y - first_y, body);
  }
  return out;
}

}  // namespace gputide::app
