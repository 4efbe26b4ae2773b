// Node groups: volumes, taints, images and policies.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/checking/checks.h"

namespace gputide::checking {
namespace {

// An accelerated AMI takes about 15 GiB, a CUDA framework's image 10 to 20 unpacked.
constexpr std::int32_t kSmallVolume = 40;

void check_volume(const Context& context, const GroupView& group) {
  const auto size = group.written->volumeSize;
  if (size && *size < kSmallVolume && group.has_nvidia())
    context.findings.warning(
        group.place["volumeSize"],
        {"small-gpu-volume",
         fmt::format(
             "volumeSize {} GiB is too small for GPU work: the image of the node and one of "
             "a CUDA framework do not fit it",
             *size),
         "write 80, which is eksctl's own default, or more"});
  if (group.written->volumeKmsKeyID && !group.written->volumeEncrypted.value_or(false))
    context.findings.error(
        group.place["volumeKmsKeyID"],
        {"kms-key-without-encryption", "volumeKmsKeyID needs volumeEncrypted: true",
         "write volumeEncrypted: true"});
}

void check_taints(const Context& context, const GroupView& group) {
  const auto& taints = group.plan.bootstrap.taints;
  const bool repels = std::any_of(taints.begin(), taints.end(), [](const model::Taint& taint) {
    return taint.effect == "NoSchedule" || taint.effect == "NoExecute";
  });
  if (group.has_nvidia() && !repels)
    context.findings.warning(
        group.place["name"],
        {"gpu-group-without-taint",
         fmt::format(
             "node group {} has GPUs and no taint: pods that need no GPU are put there, and "
             "keep its nodes from going away",
             group.written->name),
         "add the taint nvidia.com/gpu with effect NoSchedule, which pods that ask for it tolerate "
         "on EKS by themselves"});
}

// The kubelet may only set labels of Kubernetes' own domains that are on a short list.
bool kubelet_may_set(std::string_view key) {
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) return true;
  const std::string_view prefix = key.substr(0, slash);
  const auto in = [&](std::string_view domain) {
    return prefix == domain || (prefix.size() > domain.size() && prefix.ends_with(domain) &&
                                prefix[prefix.size() - domain.size() - 1] == '.');
  };
  if (!in("kubernetes.io") && !in("k8s.io")) return true;
  if (in("kubelet.kubernetes.io") || in("node.kubernetes.io")) return true;
  static constexpr std::string_view kAllowed[] = {"kubernetes.io/hostname",
                                                  "kubernetes.io/os",
                                                  "kubernetes.io/arch",
                                                  "beta.kubernetes.io/os",
                                                  "beta.kubernetes.io/arch",
                                                  "beta.kubernetes.io/instance-type",
                                                  "failure-domain.beta.kubernetes.io/zone",
                                                  "failure-domain.beta.kubernetes.io/region",
                                                  "failure-domain.kubernetes.io/zone",
                                                  "failure-domain.kubernetes.io/region",
                                                  "topology.kubernetes.io/zone",
                                                  "topology.kubernetes.io/region"};
  return std::find(std::begin(kAllowed), std::end(kAllowed), key) != std::end(kAllowed);
}

void check_labels(const Context& context, const GroupView& group) {
  for (const auto& [key, value] : group.written->labels) {
    if (kubelet_may_set(key)) continue;
    const Place place = group.place["labels"][key];
    context.findings.error(
        place, place.key(),
        {"forbidden-label",
         fmt::format("nodes may not give themselves the label {}: its domain is Kubernetes' own",
                     key),
         "use a domain of your own"});
  }
}

bool version_at_least(const GroupView& group, int minor) {
  const std::string version = group.cluster->config->metadata.version.value_or("1.34");
  int have = 0;
  if (!version.starts_with("1.")) return false;
  std::from_chars(version.data() + 2, version.data() + version.size(), have);
  return have >= minor;
}

void check_image(const Context& context, const GroupView& group) {
  const model::NodeGroupBase& written = *group.written;
  const std::string family = to_lower(written.amiFamily);
  if (family == "amazonlinux2" && version_at_least(group, 33))
    context.findings.error(
        group.place["amiFamily"],
        {"ami-family-gone", "AmazonLinux2 has no image for Kubernetes 1.33 and later",
         "write AmazonLinux2023, or leave amiFamily out"});
  if (written.ami.starts_with("ami-") && written.amiFamily.empty())
    context.findings.error(group.place["ami"],
                           {"ami-without-family", "an image of one's own needs amiFamily",
                            "write amiFamily: AmazonLinux2023, for instance"});
  if (written.ami == "auto" && group.has_nvidia() &&
      (family.empty() || family == "amazonlinux2023"))
    context.findings.warning(group.place["ami"], {"ami-auto-finds-old-image",
                                                  "ami: auto looks for image names that AWS gave "
                                                  "up in October 2024: eksctl finds an old GPU "
                                                  "image, or none from Kubernetes 1.32 on",
                                                  "leave ami out"});
}

bool is_true(const Place& place) {
  return place.get() != nullptr && place.get()->kind() == model::Value::Kind::Bool &&
         place.get()->as_bool();
}

// eksctl gives the CNI plugin a role of its own where it can, or where the addon asks for one: its
// nodes need no policy for it then.
bool cni_has_a_role(const GroupView& group) {
  const Place cluster(*group.cluster->object);
  if (is_true(cluster["iam"]["withOIDC"]) ||
      is_true(cluster["addonsConfig"]["autoApplyPodIdentityAssociations"]))
    return true;
  const model::Value* addons = cluster["addons"].get();
  if (addons == nullptr || !addons->is_list()) return false;
  for (std::size_t i = 0; i < addons->as_list().size(); ++i) {
    const Place addon = cluster["addons"][i];
    const model::Value* name = addon["name"].get();
    if (name == nullptr || !name->is_string() || name->as_string() != "vpc-cni") continue;
    for (const char* key : {"serviceAccountRoleARN", "attachPolicyARNs", "attachPolicy",
                            "wellKnownPolicies", "podIdentityAssociations"})
      if (addon[key].exists()) return true;
    return is_true(addon["useDefaultPodIdentityAssociations"]);
  }
  return false;
}

void check_iam(const Context& context, const GroupView& group) {
  if (!group.written->iam) return;
  const auto& arns = group.written->iam->attachPolicyARNs;
  const Place place = group.place["iam"]["attachPolicyARNs"];
  const auto lists = [&](std::string_view policy) {
    return std::any_of(arns.begin(), arns.end(),
                       [&](const std::string& arn) { return arn.ends_with(policy); });
  };
  for (const std::string_view needed : {"/AmazonEKSWorkerNodePolicy", "/AmazonEKS_CNI_Policy"}) {
    if (arns.empty() || lists(needed)) continue;
    if (needed == "/AmazonEKS_CNI_Policy" && cni_has_a_role(group)) continue;
    context.findings.warning(
        place, place.key(),
        {"missing-node-policy",
         fmt::format(
             "attachPolicyARNs takes the place of eksctl's own policies, and {} is not in it: "
             "nodes will not join",
             needed.substr(1)),
         fmt::format("add arn:aws:iam::aws:policy{}", needed)});
  }
  for (std::size_t i = 0; i < arns.size(); ++i)
    if (arns[i].ends_with("/AmazonEC2RoleforSSM"))
      context.findings.warning(place[i],
                               {"deprecated-policy",
                                "AmazonEC2RoleforSSM is deprecated and gives more than is "
                                "needed",
                                "write arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"});
  const Place alb = group.place["iam"]["withAddonPolicies"]["albIngress"];
  if (alb.exists())
    context.findings.warning(
        alb, alb.key(),
        {"deprecated-field", "albIngress is deprecated", "write awsLoadBalancerController",
         one_edit(replace_text(alb.key(), "awsLoadBalancerController"))});
}

void check_ssh(const Context& context, const GroupView& group) {
  if (!group.written->ssh || !group.written->ssh->enableSsm) return;
  const Place place = group.place["ssh"]["enableSsm"];
  if (*group.written->ssh->enableSsm)
    context.findings.warning(
        place, place.key(),
        {"deprecated-field", "ssh.enableSsm has no effect: every node has access by SSM",
         "remove it"});
  else
    context.findings.error(
        place, {"ssm-cannot-be-off", "SSM can no longer be switched off", "remove enableSsm"});
}

void check_propagation(const Context& context, const GroupView& group) {
  if (!group.written->propagateASGTags || group.written->taints.empty() ||
      group.self_managed == nullptr)
    return;
  context.findings.warning(
      group.place["propagateASGTags"],
      {"propagated-taint-tags",
       "propagateASGTags writes the tags of taints without their effect, so Cluster Autoscaler "
       "does "
       "not see the taints while the group is empty",
       "write the tags k8s.io/cluster-autoscaler/node-template/taint/KEY: \"VALUE:EFFECT\" under "
       "tags, and set propagateASGTags: false"});
}

}  // namespace

void check_node_groups(const Context& context) {
  for (const GroupView& group : context.world.groups) {
    check_volume(context, group);
    check_taints(context, group);
    check_labels(context, group);
    check_image(context, group);
    check_iam(context, group);
    check_ssh(context, group);
    check_propagation(context, group);
  }
}

}  // namespace gputide::checking
