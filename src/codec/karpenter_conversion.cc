#include "codec/karpenter_conversion.h"

#include "codec/json.h"

namespace gputide::codec {

model::NodePool to_v1(const model::v1beta1::NodePool& pool) {
  const auto& spec = pool.spec.template_.spec;
  const std::string kubelet =
      spec.kubelet.is_null() ? std::string() : write_json(spec.kubelet, JsonStyle::Compact);
  model::Value ref{model::Value::Map{}};
  if (!spec.nodeClassRef.apiVersion.empty()) ref.set("apiVersion", spec.nodeClassRef.apiVersion);
  if (!spec.nodeClassRef.kind.empty()) ref.set("kind", spec.nodeClassRef.kind);
  ref.set("name", spec.nodeClassRef.name);
  return model::v1beta1::to_v1(pool, kubelet, write_json(ref, JsonStyle::Compact));
}

model::Typed to_v1(const model::Typed& object) {
  using BetaPool = std::shared_ptr<const model::v1beta1::NodePool>;
  using BetaClass = std::shared_ptr<const model::v1beta1::EC2NodeClass>;
  if (const auto* pool = std::get_if<BetaPool>(&object))
    return std::make_shared<const model::NodePool>(to_v1(**pool));
  if (const auto* node_class = std::get_if<BetaClass>(&object))
    return std::make_shared<const model::EC2NodeClass>(model::v1beta1::to_v1(**node_class));
  return object;
}

}  // namespace gputide::codec
