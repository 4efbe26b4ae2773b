#include "decide/pricing/tables.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/text.h"

extern "C" {
extern const char gputide_instance_types_begin[];
extern const char gputide_instance_types_end[];
extern const char gputide_instance_labels_begin[];
extern const char gputide_instance_labels_end[];
extern const char gputide_on_demand_begin[];
extern const char gputide_on_demand_end[];
extern const char gputide_spot_begin[];
extern const char gputide_spot_end[];
}

namespace gputide::pricing {
namespace {

using model::InstanceType;

std::int64_t number(std::string_view text) {
  if (text.empty()) return 0;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  GPUTIDE_CHECK(error == std::errc() && end == text.data() + text.size());
  return value;
}

// Micro-dollars of "12", "0.526", "21.957642": digits and at most six decimals.
std::int64_t micros(std::string_view text) {
  const std::size_t dot = text.find('.');
  const std::string_view decimals =
      dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  GPUTIDE_CHECK(decimals.size() <= 6);
  std::int64_t fraction = number(decimals);
  for (std::size_t i = decimals.size(); i < 6; ++i) fraction *= 10;
  return number(text.substr(0, dot)) * 1'000'000 + fraction;
}

// Takes what stands before `separator` off `rest`, and the separator.
std::string_view take(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

// Splits a table into its header and its rows; lines that begin with '#' say where it comes from.
class Lines {
 public:
  Lines(const char* begin, const char* end) : rest_(begin, static_cast<std::size_t>(end - begin)) {}
  bool next(std::string_view& line) {
    while (!rest_.empty()) {
      line = take(rest_, '\n');
      if (!line.starts_with('#')) return true;
    }
    return false;
  }

 private:
  std::string_view rest_;
};

InstanceType read_type(std::string_view row) {
  InstanceType type;
  type.name = take(row, '\t');
  type.arch = take(row, '\t');
  type.vcpu = number(take(row, '\t'));
  type.memory_mib = number(take(row, '\t'));
  type.gpu_count = number(take(row, '\t'));
  type.gpu_eighths = number(take(row, '\t'));
  type.gpu_name = take(row, '\t');
  type.gpu_memory_mib = number(take(row, '\t'));
  type.gpu_maker = take(row, '\t');
  type.accelerators = take(row, '\t');
  type.enis = number(take(row, '\t'));
  type.ipv4_per_eni = number(take(row, '\t'));
  type.enis_all_cards = number(take(row, '\t'));
  if (type.enis_all_cards == 0) type.enis_all_cards = type.enis;
  const std::string_view network = take(row, '\t');
  if (!network.empty()) type.network_mbps = number(network);
  type.hypervisor = take(row, '\t');
  for (const char flag : row) {
    if (flag == 'R') type.status = InstanceType::Status::Retired;
    if (flag == 'U') type.status = InstanceType::Status::Unlisted;
    if (flag == 'M') type.bare_metal = true;
    if (flag == 'C') type.current_generation = true;
  }
  return type;
}

// Of types that AWS no longer names there are none.
void read_labels(std::string_view row, InstanceType& type) {
  type.cpu_maker = take(row, '\t');
  type.cpu_mhz = number(take(row, '\t'));
  const std::string_view ebs = take(row, '\t');
  if (!ebs.empty()) type.ebs_mbps = number(ebs);
  type.local_nvme_gb = number(take(row, '\t'));
  type.encryption_in_transit = row == "E";
}

std::vector<InstanceType> read_types() {
  Lines lines(gputide_instance_types_begin, gputide_instance_types_end);
  std::vector<InstanceType> types;
  types.reserve(1500);
  std::string_view line;
  GPUTIDE_CHECK(lines.next(line));  // the header
  while (lines.next(line)) types.push_back(read_type(line));
  Lines labels(gputide_instance_labels_begin, gputide_instance_labels_end);
  GPUTIDE_CHECK(labels.next(line));
  auto type = types.begin();  // both are in byte order
  while (labels.next(line)) {
    const std::string_view name = take(line, '\t');
    while (type != types.end() && type->name < name) ++type;
    GPUTIDE_CHECK(type != types.end() && type->name == name);
    read_labels(line, *type);
  }
  return types;
}

template <class Cell, class ReadCell>
RegionTable<Cell> read_regions(Lines lines, ReadCell read_cell) {
  RegionTable<Cell> table;
  std::string_view line;
  GPUTIDE_CHECK(lines.next(line));
  table.regions = split(line, '\t');
  table.regions.erase(table.regions.begin());
  while (lines.next(line)) {
    table.types.push_back(take(line, '\t'));
    const std::size_t row = table.cells.size();
    for (std::size_t i = 0; i < table.regions.size(); ++i) {
      const std::string_view text = take(line, '\t');
      table.cells.push_back(text.empty() ? Cell() : read_cell(text, table.cells, row));
    }
  }
  return table;
}

PriceCell read_price(std::string_view text, const std::vector<PriceCell>& cells, std::size_t row) {
  if (text == "=") return {cells[row].micros, PriceBasis::EqualRegion};  // us-east-1 is the first
  if (text.front() == 'f') return {micros(text.substr(1)), PriceBasis::FamilyRatio};
  if (text.front() == 'r') return {micros(text.substr(1)), PriceBasis::RegionRatio};
  return {micros(text), PriceBasis::Listed};
}

SpotCell read_spot(std::string_view text, const std::vector<SpotCell>&, std::size_t) {
  return {static_cast<std::int8_t>(text.front() - '0'),
          static_cast<std::int8_t>(number(text.substr(1)))};
}

Tables read_tables() {
  Tables all;
  all.types = read_types();
  all.on_demand =
      read_regions<PriceCell>(Lines(gputide_on_demand_begin, gputide_on_demand_end), read_price);
  all.spot = read_regions<SpotCell>(Lines(gputide_spot_begin, gputide_spot_end), read_spot);
  return all;
}

}  // namespace

template <class Cell>
const Cell* RegionTable<Cell>::find(std::string_view region, std::string_view type) const {
  const auto row = std::lower_bound(types.begin(), types.end(), type);
  if (row == types.end() || *row != type) return nullptr;
  const auto column = std::find(regions.begin(), regions.end(), region);
  if (column == regions.end()) return nullptr;
  return &cells[static_cast<std::size_t>(row - types.begin()) * regions.size() +
                static_cast<std::size_t>(column - regions.begin())];
}

template <class Cell>
bool RegionTable<Cell>::has_region(std::string_view region) const {
  return std::find(regions.begin(), regions.end(), region) != regions.end();
}

template class RegionTable<PriceCell>;
template class RegionTable<SpotCell>;

const Tables& tables() {
  static const Tables kTables = read_tables();
  return kTables;
}

}  // namespace gputide::pricing
