#include "decide/pricing/allocatable.h"

namespace gputide::pricing {
namespace {

Quantity binary(std::int64_t bytes) {
  return Quantity::from_value(bytes, Quantity::Format::BinarySI);
}

// The sizes of huge pages that the architecture has; an EKS node sets none aside.
void set_huge_pages(const model::InstanceType& type, model::ResourceList& list) {
  const Quantity none = Quantity::from_value(0);
  list["hugepages-1Gi"] = none;
  list["hugepages-2Mi"] = none;
  if (type.arch != "arm64") return;
  list["hugepages-32Mi"] = none;
  list["hugepages-64Ki"] = none;
}

model::ResourceList resources(const model::InstanceType& type, const NodeSize& size,
                              Quantity storage) {
  model::ResourceList list;
  list["cpu"] = size.cpu_milli % 1000 == 0 ? Quantity::from_value(size.cpu_milli / 1000)
                                           : Quantity::from_milli(size.cpu_milli);
  list["memory"] = binary(size.memory_bytes);
  list["ephemeral-storage"] = std::move(storage);
  list["pods"] = Quantity::from_value(size.pods);
  set_huge_pages(type, list);
  return list;
}

}  // namespace

NodeResources node_resources(const model::InstanceType& type, const NodeSizing& sizing) {
  const auto [capacity, allocatable] = node_sizes(type, sizing);
  // The kubelet prints what is left of the volume in plain bytes.
  return {resources(type, capacity, binary(capacity.storage_bytes)),
          resources(type, allocatable, Quantity::from_value(allocatable.storage_bytes))};
}

}  // namespace gputide::pricing
