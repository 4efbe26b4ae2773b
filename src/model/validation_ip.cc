#include <array>
#include <cstdint>
#include <optional>

#include "model/validation.h"

// Addresses as Kubernetes reads them: like Go before 1.17, which took leading zeros in octets.

namespace gputide::model {
namespace {

using Address = std::array<std::uint8_t, 16>;  // IPv4 as ::ffff:a.b.c.d

/// Digits of `base` from the front of `text`; nullopt without any or beyond what an address holds.
std::optional<unsigned> take_number(std::string_view& text, unsigned base) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  unsigned value = 0;
  std::size_t length = 0;
  for (; length < text.size(); ++length) {
    const char c = text[length];
    const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    const std::size_t digit = kDigits.find(lower);
    if (digit >= base) break;
    value = value * base + static_cast<unsigned>(digit);
    if (value >= 0xFFFFFF) return std::nullopt;
  }
  if (length == 0) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

std::optional<std::array<std::uint8_t, 4>> read_ipv4(std::string_view text) {
  std::array<std::uint8_t, 4> out{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i > 0) {
      if (!text.starts_with('.')) return std::nullopt;
      text.remove_prefix(1);
    }
    const std::optional<unsigned> octet = take_number(text, 10);
    if (!octet || *octet > 255) return std::nullopt;
    out[i] = static_cast<std::uint8_t>(*octet);
  }
  if (!text.empty()) return std::nullopt;
  return out;
}

std::optional<Address> read_ipv6(std::string_view text) {
  std::array<std::uint8_t, 16> groups{};
  std::size_t filled = 0;
  std::optional<std::size_t> gap;
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
    if (text.empty()) return Address{};
  }
  while (filled < groups.size()) {
    const std::string_view from = text;
    const std::optional<unsigned> group = take_number(text, 16);
    if (!group || *group > 0xFFFF) return std::nullopt;
    if (text.starts_with('.')) {  // the last four bytes written as IPv4
      if ((!gap && filled != 12) || filled + 4 > groups.size()) return std::nullopt;
      const auto tail = read_ipv4(from);
      if (!tail) return std::nullopt;
      for (const std::uint8_t octet : *tail) groups[filled++] = octet;
      text = {};
      break;
    }
    groups[filled++] = static_cast<std::uint8_t>(*group >> 8U);
    groups[filled++] = static_cast<std::uint8_t>(*group & 0xFFU);
    if (text.empty()) break;
    if (text.front() != ':' || text.size() == 1) return std::nullopt;
    text.remove_prefix(1);
    if (text.front() == ':') {
      if (gap) return std::nullopt;
      gap = filled;
      text.remove_prefix(1);
      if (text.empty()) break;
    }
  }
  if (!text.empty() || (filled < groups.size()) != gap.has_value()) return std::nullopt;
  if (!gap) return groups;
  Address out{};
  for (std::size_t i = 0; i < *gap; ++i) out[i] = groups[i];
  for (std::size_t i = *gap; i < filled; ++i) out[out.size() - filled + i] = groups[i];
  return out;
}

std::optional<Address> read_ip(std::string_view text) {
  const std::size_t first = text.find_first_of(".:");
  if (first == text.npos) return std::nullopt;
  if (text[first] == ':') return read_ipv6(text);
  const auto octets = read_ipv4(text);
  if (!octets) return std::nullopt;
  Address out{};
  out[10] = out[11] = 0xFF;
  for (std::size_t i = 0; i < 4; ++i) out[12 + i] = (*octets)[i];
  return out;
}

bool is_ipv4(const Address& address) {
  for (std::size_t i = 0; i < 10; ++i)
    if (address[i] != 0) return false;
  return address[10] == 0xFF && address[11] == 0xFF;
}

bool is_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == text.npos) return false;
  const std::string_view address = text.substr(0, slash);
  std::string_view mask = text.substr(slash + 1);
  const bool v4 = read_ipv4(address).has_value();
  if (!v4 && !read_ipv6(address)) return false;
  const std::optional<unsigned> bits = take_number(mask, 10);
  return bits && mask.empty() && *bits <= (v4 ? 32U : 128U);
}

Problems unless(bool valid, const std::string& path, std::string_view text, std::string_view rule) {
  if (valid) return {};
  return {invalid_value(path, text, rule)};
}

}  // namespace

Problems check_ip(const std::string& path, std::string_view text) {
  return unless(read_ip(text).has_value(), path, text,
                "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
}

Problems check_ipv4(const std::string& path, std::string_view text) {
  const auto address = read_ip(text);
  return unless(address && is_ipv4(*address), path, text, "must be a valid IPv4 address");
}

Problems check_ipv6(const std::string& path, std::string_view text) {
  const auto address = read_ip(text);
  return unless(address && !is_ipv4(*address), path, text, "must be a valid IPv6 address");
}

Problems check_cidr(const std::string& path, std::string_view text) {
  return unless(is_cidr(text), path, text,
                "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
}

}  // namespace gputide::model
