// What compile() keeps for the problems that have the same pools, types and daemons.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "decide/provisioning/provision.h"

namespace gputide::provisioning {

struct OfferMemo {
  /// The kinds of nodes that pods tell apart.
  struct Made {
    std::vector<NodeKind> kinds;  // their domains are of one problem alone
    std::vector<Compiled::KindName> names;
    std::vector<Requirements> requirements;
    std::vector<std::int64_t> reservations;
    std::map<std::string, std::vector<std::vector<std::uint64_t>>> offers;  // by what pods ask
  };
  /// By the resources that pods ask for, and the variants of pools.
  Made& of(const std::string& key) {
    constexpr std::size_t kMost = 64;  // pods may name ever other values
    if (made.size() >= kMost && !made.contains(key)) made.clear();
    return made[key];
  }
  std::map<std::string, Made> made;

  struct OfNode {
    model::StringMap labels;
    std::shared_ptr<const Requirements> requirements;  // that the labels are
  };
  std::map<std::string, OfNode> nodes;

  /// By topology keys: for each the domains that nodes can have, and their numbers.
  std::map<std::vector<std::string>, std::vector<std::map<std::string, std::uint32_t>>> domains;
};

}  // namespace gputide::provisioning
