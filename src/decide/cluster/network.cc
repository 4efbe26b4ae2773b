#include "decide/cluster/network.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

#include "base/rng.h"
#include "base/text.h"

namespace gputide::cluster {
namespace {

struct Block {
  std::uint32_t address = (192u << 24) | (168u << 16);
  int prefix = 16;
};

template <class Number>
bool read(std::string_view text, Number& out) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc() && end == text.data() + text.size();
}

std::optional<Block> read_cidr(std::string_view text) {
  const auto halves = split(text, '/');
  Block block{0, 0};
  if (halves.size() != 2 || !read(halves[1], block.prefix) || block.prefix < 8 || block.prefix > 24)
    return std::nullopt;
  const auto bytes = split(halves[0], '.');
  if (bytes.size() != 4) return std::nullopt;
  for (const std::string_view part : bytes) {
    std::uint8_t byte = 0;
    if (!read(part, byte)) return std::nullopt;
    block.address = (block.address << 8) | byte;
  }
  return block;
}

Block vpc_block(const model::ClusterConfig& config) {
  for (const model::Member& member : config.kept)
    if (member.key == "vpc")
      if (const auto block = read_cidr(member.value.text_at("cidr"))) return *block;
  return {};
}

std::string subnet(const Block& vpc, int extra_bits, std::size_t slot) {
  const int prefix = vpc.prefix + extra_bits;
  const std::uint32_t address = vpc.address + (static_cast<std::uint32_t>(slot) << (32 - prefix));
  return fmt::format("{}.{}.{}.{}/{}", address >> 24, (address >> 16) & 255, (address >> 8) & 255,
                     address & 255, prefix);
}

std::vector<std::string> default_zones(std::string_view region) {
  const std::string_view letters = region == "us-east-1"   ? "ab"
                                   : region == "us-west-1" ? "ac"
                                                           : "abc";
  std::vector<std::string> zones;
  for (const char letter : letters) zones.push_back(fmt::format("{}{}", region, letter));
  return zones;
}

// eksctl-dev-cluster/SubnetPrivateUSWEST2A: its stack, and its resource there.
std::string subnet_name(std::string_view cluster, std::string_view kind, std::string_view zone) {
  std::string name = fmt::format("eksctl-{}-cluster/Subnet{}", cluster, kind);
  for (const char c : zone)
    if (c != '-') name += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

model::Subnet made_subnet(const model::ClusterConfig& config, const Network& network,
                          std::size_t zone, bool is_private) {
  const std::string& cluster = config.metadata.name;
  const std::string& name = network.zones[zone];
  model::Subnet subnet;
  subnet.id =
      fmt::format("subnet-{:017x}", fnv1a(cluster + (is_private ? "/" : "/public/") + name) >> 4);
  subnet.zone = name;
  subnet.cidr = is_private ? network.private_cidrs[zone] : network.public_cidrs[zone];
  subnet.tags = config.metadata.tags;
  subnet.tags["alpha.eksctl.io/cluster-name"] = cluster;
  subnet.tags["Name"] = subnet_name(cluster, is_private ? "Private" : "Public", name);
  subnet.tags["kubernetes.io/cluster/" + cluster] = "owned";
  subnet.tags[is_private ? "kubernetes.io/role/internal-elb" : "kubernetes.io/role/elb"] = "1";
  return subnet;
}

}  // namespace

std::optional<std::size_t> Network::zone_index(std::string_view zone) const {
  const auto found = std::find(zones.begin(), zones.end(), zone);
  if (found == zones.end()) return std::nullopt;
  return static_cast<std::size_t>(found - zones.begin());
}

Network plan_network(const model::ClusterConfig& config) {
  Network network;
  for (const std::string& zone : config.availabilityZones)
    if (!network.zone_index(zone)) network.zones.push_back(zone);
  if (network.zones.empty())
    network.zones =
        default_zones(config.metadata.region.empty() ? std::string_view("us-west-2")
                                                     : std::string_view(config.metadata.region));
  const Block vpc = vpc_block(config);
  const std::size_t count = network.zones.size();
  const int bits = count * 2 <= 8 ? 3 : 4;
  for (std::size_t i = 0; i < count; ++i) {
    network.public_cidrs.push_back(subnet(vpc, bits, i));
    network.private_cidrs.push_back(subnet(vpc, bits, count + i));
  }
  return network;
}

std::vector<model::Subnet> plan_subnets(const model::ClusterConfig& config) {
  const Network network = plan_network(config);
  std::vector<model::Subnet> subnets;
  for (std::size_t i = 0; i < network.zones.size(); ++i)
    subnets.push_back(made_subnet(config, network, i, true));
  for (std::size_t i = 0; i < network.zones.size(); ++i)
    subnets.push_back(made_subnet(config, network, i, false));
  return subnets;
}

}  // namespace gputide::cluster
