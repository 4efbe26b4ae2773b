#include "decide/cluster/instance_selector.h"

#include <charconv>
#include <optional>
#include <regex>

#include <fmt/core.h>

#include "base/text.h"

namespace gputide::cluster {
namespace {

using model::InstanceSelector;
using model::InstanceType;

// "4", "4GiB", "4 gb", "4096MiB", "0.5": a bare number is GiB.
Result<std::int64_t> memory_mib(std::string_view text) {
  const std::string lower = to_lower(trim(text));
  double amount = 0;
  const auto [end, code] = std::from_chars(lower.data(), lower.data() + lower.size(), amount);
  const std::string_view unit = trim(std::string_view(end, lower.data() + lower.size()));
  std::int64_t factor = 0;
  if (unit.empty() || unit == "gib" || unit == "gb" || unit == "g") factor = 1024;
  if (unit == "mib" || unit == "mb" || unit == "m") factor = 1;
  if (unit == "tib" || unit == "tb" || unit == "t") factor = std::int64_t{1} << 20;
  if (code != std::errc() || factor == 0 || !(amount > 0 && amount < 1e6))
    return fail(fmt::format("instanceSelector.memory {} is not an amount of memory such as 16GiB",
                            quote(text)));
  return static_cast<std::int64_t>(amount * static_cast<double>(factor));
}

Result<std::vector<std::regex>> compile(const std::vector<std::string>& patterns) {
  std::vector<std::regex> compiled;
  for (const std::string& pattern : patterns) {
    try {
      compiled.emplace_back(pattern);
    } catch (const std::regex_error&) {
      return fail(fmt::format("{} is not a regular expression", quote(pattern)));
    }
  }
  return compiled;
}

bool matches_any(std::string_view name, const std::vector<std::regex>& patterns) {
  for (const std::regex& pattern : patterns)
    if (std::regex_search(name.begin(), name.end(), pattern)) return true;
  return false;
}

struct Filter {
  std::optional<std::int64_t> vcpus;
  std::optional<std::int64_t> memory;
  std::optional<std::int64_t> gpus;
  std::string_view arch;
  std::vector<std::regex> allow;
  std::vector<std::regex> deny;

  bool takes(const InstanceType& type) const {
    return (!vcpus || type.vcpu == *vcpus) && (!memory || type.memory_mib == *memory) &&
           (!gpus || type.gpu_count == *gpus) && type.arch == arch &&
           (allow.empty() || matches_any(type.name, allow)) && !matches_any(type.name, deny);
  }
};

Result<Filter> read(const InstanceSelector& selector) {
  Filter filter;
  filter.vcpus = selector.vCPUs;
  filter.gpus = selector.gpus;
  if (selector.memory) {
    const auto memory = memory_mib(*selector.memory);
    if (!memory) return tl::unexpected(memory.error());
    filter.memory = *memory;
  }
  const std::string arch = to_lower(selector.cpuArchitecture.value_or("x86_64"));
  if (arch != "x86_64" && arch != "amd64" && arch != "arm64")
    return fail(fmt::format("instanceSelector.cpuArchitecture {} is none of x86_64, amd64, arm64",
                            quote(arch)));
  filter.arch = arch == "arm64" ? "arm64" : "amd64";
  auto allow = compile(selector.allow);
  if (!allow) return tl::unexpected(allow.error());
  auto deny = compile(selector.deny);
  if (!deny) return tl::unexpected(deny.error());
  filter.allow = std::move(*allow);
  filter.deny = std::move(*deny);
  return filter;
}

}  // namespace

Result<std::vector<std::string>> select_types(const InstanceSelector& selector,
                                              const pricing::Catalogue& catalogue,
                                              std::string_view region) {
  constexpr std::size_t kMost = 40;
  const auto filter = read(selector);
  if (!filter) return tl::unexpected(filter.error());
  std::vector<std::string> types;
  for (const InstanceType& type : catalogue.all())
    if (filter->takes(type) && catalogue.offered(region, type.name)) types.emplace_back(type.name);
  if (types.empty()) return fail("instanceSelector matches no instance type");
  if (types.size() > kMost)
    return fail(fmt::format("instanceSelector matches {} instance types, more than {}",
                            types.size(), kMost));
  return types;
}

}  // namespace gputide::cluster
