#include "decide/provisioning/node_constraints.h"

#include <algorithm>

#include <fmt/format.h>

namespace gputide::provisioning {
namespace {

bool tolerates(const model::Toleration& toleration, const model::Taint& taint) {
  if (!toleration.effect.empty() && toleration.effect != taint.effect) return false;
  if (!toleration.key.empty() && toleration.key != taint.key) return false;
  if (toleration.operator_ == "Exists") return true;
  if (!toleration.operator_.empty() && toleration.operator_ != "Equal") return false;
  return toleration.value == taint.value;
}

bool every_address(std::string_view ip) {
  return ip == "0.0.0.0" || ip == "::";
}

}  // namespace

std::string text(const model::Taint& taint) {
  std::string out = taint.key;
  if (!taint.value.empty()) out += "=" + taint.value;
  if (!taint.effect.empty() || !taint.value.empty()) out += ":" + taint.effect;
  return out;
}

std::vector<std::string> untolerated(std::span<const model::Taint> taints,
                                     std::span<const model::Toleration> tolerations) {
  std::vector<std::string> out;
  for (const model::Taint& taint : taints) {
    const bool tolerated =
        std::any_of(tolerations.begin(), tolerations.end(),
                    [&](const model::Toleration& t) { return tolerates(t, taint); });
    if (!tolerated) out.push_back(fmt::format("did not tolerate taint (taint={})", text(taint)));
  }
  return out;
}

std::vector<model::Taint> merge_taints(std::span<const model::Taint> taints,
                                       std::span<const model::Taint> with) {
  std::vector<model::Taint> out(taints.begin(), taints.end());
  for (const model::Taint& taint : with) {
    const bool known = std::any_of(out.begin(), out.end(), [&](const model::Taint& t) {
      return t.key == taint.key && t.effect == taint.effect;
    });
    if (!known) out.push_back(taint);
  }
  return out;
}

bool HostPort::conflicts(const HostPort& other) const {
  if (protocol != other.protocol || port != other.port) return false;
  return ip == other.ip || every_address(ip) || every_address(other.ip);
}

std::vector<HostPort> host_ports(const model::PodSpec& pod) {
  std::vector<HostPort> out;
  for (const model::Container& container : pod.containers)
    for (const model::ContainerPort& port : container.ports)
      if (port.hostPort != 0)
        out.push_back(
            {port.hostIP.empty() ? "0.0.0.0" : port.hostIP, port.hostPort, port.protocol});
  return out;
}

std::string HostPortUsage::conflict(const std::string& pod, std::span<const HostPort> ports) const {
  for (const HostPort& port : ports)
    for (const auto& [owner, taken] : taken_) {
      if (owner == pod) continue;
      for (const HostPort& existing : taken)
        if (port.conflicts(existing))
          return fmt::format(
              "pod hostport conflicts with existing hostport configuration (existing-hostport-ip={}"
              ", existing-hostport-port={}, existing-hostport-protocol={}, pod-hostport-ip={}"
              ", pod-hostport-port={}, pod-hostport-protocol={})",
              existing.ip, existing.port, existing.protocol, port.ip, port.port, port.protocol);
    }
  return "";
}

void HostPortUsage::add(const std::string& pod, std::vector<HostPort> ports) {
  for (auto& [owner, taken] : taken_)
    if (owner == pod) {
      taken = std::move(ports);
      return;
    }
  taken_.emplace_back(pod, std::move(ports));
}

}  // namespace gputide::provisioning
