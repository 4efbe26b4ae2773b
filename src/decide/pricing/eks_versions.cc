#include "decide/pricing/eks_versions.h"

#include <charconv>

namespace gputide::pricing {
namespace {

constexpr EksVersion kVersions[] = {
    {29, "2025-03-23", "2026-03-23", false, true}, {30, "2025-07-23", "2026-07-23", false, true},
    {31, "2025-11-26", "2026-11-26", false, true}, {32, "2026-03-23", "2027-03-23", true, true},
    {33, "2026-07-29", "2027-07-29", true, true},  {34, "2026-12-02", "2027-12-02", true, false},
    {35, "2027-03-27", "2028-03-27", true, false},
};

}  // namespace

std::span<const EksVersion> eks_versions() {
  return kVersions;
}

std::optional<int> minor_of(std::string_view version) {
  if (!version.starts_with("1.")) return std::nullopt;
  version.remove_prefix(2);
  int minor = 0;
  const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), minor);
  if (error != std::errc() || end != version.data() + version.size()) return std::nullopt;
  return minor;
}

Money control_plane_price(std::string_view version) {
  const std::optional<int> minor = minor_of(version);
  for (const EksVersion& each : kVersions)
    if (minor && each.minor == *minor && each.extended) return kExtendedSupport;
  return kStandardSupport;
}

}  // namespace gputide::pricing
