// Tables as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gputide::app {

using Row = std::vector<std::string>;

/// Prints columns as wide as their widest cell, three spaces apart; a last one that stands left is
/// not filled up. `align` has an 'r' for each column that stands right, and may be short.
void print_table(const std::vector<Row>& rows, std::string_view align = {});

}  // namespace gputide::app
