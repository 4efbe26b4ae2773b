// How numbers, spans of time and text columns look in everything that is printed for a person.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "base/time.h"

namespace gputide::report {

/// Where text goes. width 0: lines are never broken.
struct TextStyle {
  std::size_t width = 0;
  bool colour = false;
};

enum class Colour { Plain, Dim, Bold, Red, Green, Yellow, Blue, Cyan };
/// `text` in the colour, or as it is without colours.
std::string paint(std::string_view text, Colour colour, const TextStyle& style);

/// "0:05:00", from one day on "3d 04:05:00"; whole seconds, rounded down.
std::string clock_text(Duration since_start);
/// "45s", "2m10s", "1h12m", "3d4h"; below ten seconds with a tenth.
std::string span_text(Duration span);
/// "12,345".
std::string count_text(std::int64_t n);
/// "$3.21"; below a cent four decimals, zero "$0".
std::string money_text(Money amount);
/// A price an hour: below a dollar three decimals.
std::string price_text(Money per_hour);
/// What people call an Auto Scaling group: "gpu-a" of the names that eksctl and EKS give it,
/// "eksctl-CLUSTER-nodegroup-gpu-a-NodeGroup-1X2Y" and "eks-gpu-a-UUID".
std::string group_text(std::string_view auto_scaling_group);
/// "1 pod", "12 pods".
std::string plural(std::int64_t n, std::string_view one, std::string_view many = {});
/// part of whole, rounded to a whole percent; "0 %" of nothing.
std::string percent_text(std::int64_t part, std::int64_t whole);

/// Columns that UTF-8 text takes, one a character.
std::size_t columns(std::string_view text);
/// Filled with spaces on the right to `width` columns.
std::string pad(std::string_view text, std::size_t width);
std::string pad_left(std::string_view text, std::size_t width);
/// Breaks at spaces into lines of at most `width` columns (longer words stand alone); 0: one line.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

/// What names have in common, with a star for the rest: "default/train-*". One name stays whole.
class NamePattern {
 public:
  void add(std::string_view name);
  std::string text() const;
  const std::string& first() const { return first_; }

 private:
  std::string first_;
  std::size_t common_ = 0;
  bool differ_ = false;
};

}  // namespace gputide::report
