#include "app/table.h"

#include <algorithm>

#include <fmt/core.h>

#include "report/style.h"

namespace gputide::app {

void print_table(const std::vector<Row>& rows, std::string_view align) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (widths.size() <= i) widths.push_back(0);
      widths[i] = std::max(widths[i], report::columns(row[i]));
    }
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) line += "   ";
      if (i < align.size() && align[i] == 'r')
        line += report::pad_left(row[i], widths[i]);
      else
        line += i + 1 == row.size() ? row[i] : report::pad(row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::print("{}\n", line);
  }
}

}  // namespace gputide::app
