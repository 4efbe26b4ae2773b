// eksctl's, Karpenter's, Cluster Autoscaler's and our own kinds, and the device plugin's
// configuration.
#include "codec/objects.h"
#include "codec/typed_kinds.h"
#include "codec/yaml.h"

namespace gputide::codec {

using model::Value;

namespace {

const KindEntry kCloudKinds[] = {
    kind_entry<model::ClusterConfig>("ClusterConfig", "eksctl.io/v1alpha5"),
    kind_entry<model::Scenario>("Scenario", "gputide.dev/v1alpha1"),
    kind_entry<model::NodePool>("NodePool", "karpenter.sh/v1"),
    kind_entry<model::NodeClaim>("NodeClaim", "karpenter.sh/v1"),
    kind_entry<model::NodeOverlay>("NodeOverlay", "karpenter.sh/v1alpha1"),
    kind_entry<model::EC2NodeClass>("EC2NodeClass", "karpenter.k8s.aws/v1"),
    kind_entry<model::v1beta1::NodePool>("NodePool", "karpenter.sh/v1beta1"),
    kind_entry<model::v1beta1::NodeClaim>("NodeClaim", "karpenter.sh/v1beta1"),
    kind_entry<model::v1beta1::EC2NodeClass>("EC2NodeClass", "karpenter.k8s.aws/v1beta1"),
    kind_entry<model::ProvisioningRequest>("ProvisioningRequest", "autoscaling.x-k8s.io/v1"),
    kind_entry<model::ProvisioningRequest>("ProvisioningRequest", "autoscaling.x-k8s.io/v1beta1"),
};

}  // namespace

std::span<const KindEntry> cloud_kinds() {
  return kCloudKinds;
}

model::PluginConfig read_plugin_config(std::string_view text, const std::string& file,
                                       Diagnostics& diagnostics) {
  model::PluginConfig config;
  const std::vector<Value> documents = read_yaml(text, file, diagnostics);
  if (documents.empty()) return config;
  Decoder decoder(file, diagnostics, text);
  decode(documents.front(), config, decoder);
  return config;
}

}  // namespace gputide::codec
