#include "model/karpenter_v1beta1.h"

namespace gputide::model::v1beta1 {
namespace {

constexpr std::string_view kProviderGroup = "karpenter.k8s.aws";

model::NodeClassRef to_v1(const NodeClassRef& ref) {
  model::NodeClassRef out;
  out.group = ref.apiVersion.empty() ? std::string(kProviderGroup)
                                     : ref.apiVersion.substr(0, ref.apiVersion.find('/'));
  out.kind = ref.kind.empty() ? "EC2NodeClass" : ref.kind;
  out.name = ref.name;
  return out;
}

// The fields that a template and a claim share.
void convert(const NodeClaimSpec& from, model::NodeClaimTemplateSpec& to) {
  to.taints = from.taints;
  to.startupTaints = from.startupTaints;
  to.requirements = from.requirements;
  to.nodeClassRef = to_v1(from.nodeClassRef);
}

model::Disruption to_v1(const Disruption& from) {
  model::Disruption to;
  if (from.consolidationPolicy.value_or("WhenUnderutilized") == "WhenUnderutilized") {
    to.consolidationPolicy = "WhenEmptyOrUnderutilized";
    to.consolidateAfter = from.consolidateAfter.value_or("0s");
  } else {
    to.consolidationPolicy = from.consolidationPolicy;
    to.consolidateAfter = from.consolidateAfter;
  }
  for (const DisruptionBudget& budget : from.budgets)
    to.budgets.push_back({budget.nodes, {}, budget.schedule, budget.duration});
  return to;
}

// "AL2023" -> "al2023"; "" for a family without such an alias.
std::string alias_family(std::string_view family) {
  if (family == "AL2") return "al2";
  if (family == "AL2023") return "al2023";
  if (family == "Bottlerocket") return "bottlerocket";
  if (family == "Windows2019") return "windows2019";
  if (family == "Windows2022") return "windows2022";
  return {};
}

void convert_image(const EC2NodeClass& from, model::EC2NodeClass& to) {
  const std::string& family = from.spec.amiFamily;
  if (family == "Ubuntu") {
    to.spec.amiFamily = "AL2";
    const char* key = "compatibility.karpenter.k8s.aws/v1beta1-ubuntu";
    to.metadata.annotations[key] =
        from.spec.amiSelectorTerms.empty() ? "amiFamily,incompatible" : "amiFamily";
    if (from.spec.blockDeviceMappings.empty()) {
      model::BlockDeviceMapping root;
      root.deviceName = "/dev/sda1";
      root.ebs.encrypted = true;
      root.ebs.volumeType = "gp3";
      root.ebs.volumeSize = *Quantity::parse("20Gi");
      to.spec.blockDeviceMappings.push_back(std::move(root));
    }
    return;
  }
  const std::string alias = alias_family(family);
  if (alias.empty()) {
    to.spec.amiFamily = "Custom";
  } else if (from.spec.amiSelectorTerms.empty()) {
    const auto pinned =
        from.metadata.annotations.find("compatibility.karpenter.k8s.aws/v1-alias-version");
    const std::string version =
        pinned == from.metadata.annotations.end() ? "latest" : pinned->second;
    model::AMISelectorTerm term;
    term.alias = alias + "@" + version;
    to.spec.amiSelectorTerms.push_back(std::move(term));
  } else {
    to.spec.amiFamily = family;
  }
}

model::BlockDeviceMapping to_v1(const BlockDeviceMapping& from) {
  model::BlockDeviceMapping to;
  to.deviceName = from.deviceName;
  to.rootVolume = from.rootVolume;
  to.ebs = {from.ebs.deleteOnTermination, from.ebs.encrypted,  from.ebs.iops, from.ebs.kmsKeyID,
            from.ebs.snapshotID,          from.ebs.throughput, std::nullopt,  from.ebs.volumeSize,
            from.ebs.volumeType};
  return to;
}

}  // namespace

model::NodePool to_v1(const NodePool& pool, const std::string& kubelet_json,
                      const std::string& node_class_ref_json) {
  model::NodePool out;
  out.metadata = pool.metadata;
  if (!kubelet_json.empty())
    out.metadata.annotations["compatibility.karpenter.sh/v1beta1-kubelet-conversion"] =
        kubelet_json;
  if (!node_class_ref_json.empty())
    out.metadata.annotations["compatibility.karpenter.sh/v1beta1-nodeclass-reference"] =
        node_class_ref_json;
  out.spec.template_.metadata = pool.spec.template_.metadata;
  convert(pool.spec.template_.spec, out.spec.template_.spec);
  out.spec.template_.spec.expireAfter = pool.spec.disruption.expireAfter.value_or("720h");
  out.spec.disruption = to_v1(pool.spec.disruption);
  out.spec.limits = pool.spec.limits;
  out.spec.weight = pool.spec.weight;
  out.status = pool.status;
  return out;
}

model::EC2NodeClass to_v1(const EC2NodeClass& from) {
  model::EC2NodeClass to;
  to.metadata = from.metadata;
  to.spec.subnetSelectorTerms = from.spec.subnetSelectorTerms;
  to.spec.securityGroupSelectorTerms = from.spec.securityGroupSelectorTerms;
  for (const AMISelectorTerm& term : from.spec.amiSelectorTerms)
    to.spec.amiSelectorTerms.push_back({{}, term.tags, term.id, term.name, term.owner, {}});
  to.spec.role = from.spec.role;
  to.spec.instanceProfile = from.spec.instanceProfile;
  for (const BlockDeviceMapping& mapping : from.spec.blockDeviceMappings)
    to.spec.blockDeviceMappings.push_back(to_v1(mapping));
  to.spec.instanceStorePolicy = from.spec.instanceStorePolicy;
  to.spec.metadataOptions = from.spec.metadataOptions;
  to.spec.associatePublicIPAddress = from.spec.associatePublicIPAddress;
  to.spec.detailedMonitoring = from.spec.detailedMonitoring;
  to.spec.userData = from.spec.userData;
  to.spec.tags = from.spec.tags;
  to.spec.context = from.spec.context;
  to.status = from.status;
  convert_image(from, to);
  return to;
}

model::NodeClaim to_v1(const NodeClaim& claim, std::optional<std::string> expire_after) {
  model::NodeClaim out;
  out.metadata = claim.metadata;
  convert(claim.spec, out.spec);
  out.spec.resources = claim.spec.resources;
  out.spec.expireAfter = std::move(expire_after);
  out.status = claim.status;
  return out;
}

}  // namespace gputide::model::v1beta1
