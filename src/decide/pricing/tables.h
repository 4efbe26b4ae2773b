// The embedded tables, parsed once: instance types, on-demand prices, spot advice.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "decide/pricing/price.h"
#include "model/instance_type.h"

namespace gputide::pricing {

/// A table of one cell a type and region. Rows and columns that are not there read as nullptr.
template <class Cell>
class RegionTable {
 public:
  std::vector<std::string_view> types;    // in byte order
  std::vector<std::string_view> regions;  // in the file's order
  std::vector<Cell> cells;                // by type, then region

  const Cell* find(std::string_view region, std::string_view type) const;
  bool has_region(std::string_view region) const;
};

struct PriceCell {
  std::int64_t micros = -1;  // an hour; -1 = not known
  PriceBasis basis = PriceBasis::Listed;
};

struct SpotCell {
  std::int8_t interruption_class = -1;  // 0 (< 5 % a month) to 4 (> 20 %); -1 = not known
  std::int8_t saving_percent = 0;       // below the on-demand price; may be negative
};

struct Tables {
  std::vector<model::InstanceType> types;  // in byte order of their names
  RegionTable<PriceCell> on_demand;
  RegionTable<SpotCell> spot;
};

/// The built-in facts. Parsed at the first call (about a millisecond).
const Tables& tables();

}  // namespace gputide::pricing
