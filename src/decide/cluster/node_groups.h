// What AWS objects the node groups of a ClusterConfig become, as eksctl makes them.
// Source: eksctl pkg/cfn/builder/{nodegroup,managed_nodegroup}.go and
// pkg/apis/eksctl.io/v1alpha5/{defaults,validation}.go; EKS for what managed groups become.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "decide/pricing/catalogue.h"
#include "model/aws.h"
#include "model/cluster_config.h"
#include "model/value.h"

namespace gputide::cluster {

/// The Kubernetes version of clusters that name none.
inline constexpr std::string_view kDefaultVersion = "1.34";

/// One plan a node group: nodeGroups first, then managedNodeGroups, as written. Groups in which
/// something is wrong add errors to `diagnostics` (places come from `source`, the document that
/// `config` was read from; a Null source gives no places) and are left out.
///
/// eksctl's defaults hold: two nodes, m5.large, 80 GiB, AmazonLinux2023. Its quirks too:
/// propagateASGTags writes taint tags without the effect; the tags of managed groups stay with EKS
/// and do not reach the Auto Scaling group. Random parts of names follow from the cluster's and the
/// group's name. Retired instance types are planned as if AWS still had them.
std::vector<model::NodeGroupPlan> plan_node_groups(const model::ClusterConfig& config,
                                                   const pricing::Catalogue& catalogue,
                                                   const model::Value& source,
                                                   const std::string& file,
                                                   Diagnostics& diagnostics);

}  // namespace gputide::cluster
