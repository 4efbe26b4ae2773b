// What an Amazon EC2 instance type is, in the words of DescribeInstanceTypes.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gputide::model {

/// One instance type. The texts belong to the catalogue that gave it.
struct InstanceType {
  enum class Status {
    Listed,   // AWS sells it
    Retired,  // AWS no longer names it
    Unlisted  // AWS sells it on request only (mac, parts of u-)
  };

  std::string_view name;  // g4dn.xlarge
  std::string_view arch;  // kubernetes.io/arch: amd64, arm64
  std::int64_t vcpu = 0;
  std::int64_t memory_mib = 0;  // as sold; the machine sees less

  /// GPUs as the EC2 API counts them: 0 for a fraction of one (g6f, gr6f).
  std::int64_t gpu_count = 0;
  /// Of a GPU that is split between machines: eighths that this type has; 0 for other types.
  std::int64_t gpu_eighths = 0;
  std::string_view gpu_name;        // as EC2 words it: T4, A10G, H100 ...
  std::int64_t gpu_memory_mib = 0;  // of each GPU, or of the fraction
  std::string_view gpu_maker;       // nvidia, amd
  std::string_view accelerators;    // others: "inferentia:16", "gaudi-hl-205:8"

  std::int64_t enis = 0;  // of the default network card; 0 = not known
  std::int64_t ipv4_per_eni = 0;
  std::int64_t enis_all_cards = 0;
  std::optional<std::int64_t> network_mbps;  // baseline; absent where AWS gives no number
  std::int64_t local_nvme_gb = 0;            // as sold: 10^9 bytes
  std::optional<std::int64_t> ebs_mbps;      // at most; absent where it costs extra
  std::string_view cpu_maker;                // intel, amd, aws; "" = not known, as the next two are
  std::optional<std::int64_t> cpu_mhz;       // sustained; 0 where AWS gives no number
  std::optional<bool> encryption_in_transit;
  std::string_view hypervisor;  // nitro, xen; "" = bare metal

  Status status = Status::Listed;
  bool bare_metal = false;
  bool current_generation = false;

  /// GPUs that a driver on the machine sees: a fraction is one GPU to it.
  std::int64_t visible_gpus() const { return gpu_eighths > 0 ? 1 : gpu_count; }
  bool has_nvidia() const { return gpu_maker == "nvidia" && visible_gpus() > 0; }

  /// "g4dn" of "g4dn.xlarge".
  std::string_view family() const { return name.substr(0, name.find('.')); }
  /// "xlarge" of "g4dn.xlarge"; "" without a dot.
  std::string_view size() const {
    const std::size_t dot = name.find('.');
    return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
  }

  /// Pods by the addresses of the default network card, two of which are host pods: ENIs * (IPv4 -
  /// 1) + 2. Absent where the ENI limits are not known. Source: awslabs/amazon-eks-ami,
  /// eni-max-pods.
  std::optional<std::int64_t> eni_max_pods() const {
    if (enis == 0) return std::nullopt;
    return enis * (ipv4_per_eni - 1) + 2;
  }
};

/// Instance types with their texts, for those that are not built in.
class InstanceTypeList {
 public:
  InstanceTypeList() = default;
  InstanceTypeList(const InstanceTypeList&) = delete;  // the types point at the texts
  InstanceTypeList& operator=(const InstanceTypeList&) = delete;

  /// A text that lives as long as the list.
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }

  std::vector<InstanceType> types;

 private:
  std::deque<std::string> texts_;
};

}  // namespace gputide::model
