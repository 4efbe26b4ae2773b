// The VPC that eksctl makes when none is given: its zones and the subnets in them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/aws.h"
#include "model/cluster_config.h"

namespace gputide::cluster {

/// A new IPv4 VPC's subnets: one public and one private a zone.
struct Network {
  std::vector<std::string> zones;
  std::vector<std::string> public_cidrs;   // by zone
  std::vector<std::string> private_cidrs;  // by zone

  /// Index of the zone; nullopt when the cluster has no subnet there.
  std::optional<std::size_t> zone_index(std::string_view zone) const;
};

/// The cluster's zones: those it names, else the first three of the region (two in us-east-1).
/// eksctl draws them at random; here the choice is the same every time. The /16 of vpc.cidr
/// (192.168.0.0/16 unless given) is cut as eksctl cuts it: eight blocks for up to four zones, else
/// sixteen; public subnets come first. A vpc.cidr that cannot be read counts as not given.
Network plan_network(const model::ClusterConfig& config);

/// The subnets of plan_network, private ones first, with the tags that eksctl and the cluster's
/// metadata.tags give them. Their ids follow from the cluster's name and the zone.
std::vector<model::Subnet> plan_subnets(const model::ClusterConfig& config);

}  // namespace gputide::cluster
