// EC2's instance types as Karpenter's AWS provider tells of them to its scheduler: labels,
// capacity, offerings. Source: karpenter-provider-aws 1.x pkg/providers/instancetype.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "decide/pricing/allocatable.h"
#include "decide/pricing/catalogue.h"
#include "decide/provisioning/provision.h"
#include "model/capacity_reservation.h"

namespace gputide::provisioning {

/// How Karpenter expects nodes to be sized of which it has seen none.
pricing::NodeSizing karpenter_sizing();

/// The types that AWS sells in `region`, in byte order of their names, each with an offering for
/// every zone and market in which its price is known. Memory is less by the 7.5 % that Karpenter
/// expects the machine to keep, unless `sizing` says otherwise. What the catalogue does not know
/// (zone ids; of some types the EBS bandwidth) no node has as a label. Beside those an offering
/// `reserved` for each reservation in these zones that nodes can use, without a price; also of
/// types that have none.
std::vector<ProviderType> ec2_types(const pricing::Catalogue& catalogue, const std::string& region,
                                    const std::vector<std::string>& zones,
                                    const pricing::NodeSizing& sizing = karpenter_sizing(),
                                    std::span<const model::CapacityReservation> reservations = {});

/// The labels that Karpenter knows on AWS: a node template may leave them open.
const LabelSet& ec2_well_known_labels();

}  // namespace gputide::provisioning
