// What scheduling sees of pods: their specs and their labels, each known by a small number. Pods of
// one template share both, so that what was worked out for one holds for all.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "model/pod.h"
#include "state/names.h"

namespace gputide::state {

using ResourceId = std::uint16_t;
inline constexpr ResourceId kCpu = 0;               // millicores
inline constexpr ResourceId kMemory = 1;            // bytes
inline constexpr ResourceId kEphemeralStorage = 2;  // bytes
inline constexpr ResourceId kFirstScalar = 3;  // extended resources and huge pages, whole units

struct Amount {
  ResourceId resource = 0;
  std::int64_t amount = 0;
};

/// A port of the node that a container takes. Protocol "" is TCP, address "" is 0.0.0.0.
struct HostPort {
  Names::Id ip = 0;  // 0: all addresses
  Names::Id protocol = 0;
  std::int32_t port = 0;
  bool operator==(const HostPort&) const = default;
};

/// Numbers specs by all that scheduling reads of them; the node name, the gates and the scheduler's
/// name are no part of it.
using SpecId = std::uint32_t;
/// Numbers pairs of namespace and labels: what selectors see of a pod.
using ClassId = std::uint32_t;

/// A pod on a node, as numbers.
struct PodEntry {
  SpecId spec = 0;
  ClassId pod_class = 0;
  bool terminating = false;
};

/// A spec, with its sums. Semantics: kube-scheduler 1.31 (framework/types.go, NodeInfo).
struct SpecInfo {
  model::Shared<model::PodSpec> spec;  // one of those of this number
  std::vector<Amount> requests;        // above zero, by resource
  std::int64_t scored_cpu = 0;         // what a running pod counts for in scores: with defaults for
  std::int64_t scored_memory = 0;      // containers that request none
  std::vector<HostPort> ports;
  std::int32_t priority = 0;
  bool required_anti_affinity = false;
  bool claims = false;            // has volumes that are claims
  bool spreads = false;           // has topology spread constraints
  bool any_pod_affinity = false;  // (anti-)affinity to pods, required or preferred
};

struct ClassInfo {
  std::string namespace_;
  model::StringMap labels;
};

/// Extended resources by number.
class Resources {
 public:
  Resources();
  /// kNoResource for names that the scheduler does not count: "pods", and unknown ones without a
  /// domain.
  static constexpr ResourceId kNoResource = UINT16_MAX;
  ResourceId of(std::string_view name);
  const std::string& name(ResourceId id) const { return names_.text(id); }
  std::size_t count() const { return names_.size(); }
  /// The amount in the resource's unit.
  static std::int64_t amount(ResourceId id, const Quantity& quantity) {
    return id == kCpu ? quantity.milli_value() : quantity.value();
  }

 private:
  Names names_;
};

class PodKinds {
 public:
  explicit PodKinds(Resources& resources);

  SpecId spec_of(const model::Pod& pod);
  ClassId class_of(const model::Pod& pod);
  const SpecInfo& spec(SpecId id) const { return specs_[id].info; }
  const ClassInfo& pod_class(ClassId id) const { return classes_[id]; }
  std::size_t spec_count() const { return specs_.size(); }
  std::size_t class_count() const { return classes_.size(); }

 private:
  struct Spec {
    SpecInfo info;
    model::Shared<model::PodSpec> recent;  // the last other value of this number
  };
  void remember(SpecId id, const model::Shared<model::PodSpec>& spec);
  SpecInfo compile(const model::Pod& pod);

  Resources& resources_;
  Names port_names_;
  std::deque<Spec> specs_;
  std::deque<ClassInfo> classes_;
  ClassId last_class_ = 0;  // given out; siblings come one after the other
  boost::unordered_flat_map<const void*, ClassId> by_labels_;  // by the address of classes_' labels
  boost::unordered_flat_map<const void*, SpecId> by_address_;  // of values that specs_ holds
  const void* last_address_ = nullptr;  // in by_address_, of last_spec_: siblings come in a row
  SpecId last_spec_ = 0;
  boost::unordered_flat_map<std::uint64_t, std::vector<SpecId>> by_spec_hash_;
  boost::unordered_flat_map<std::uint64_t, std::vector<ClassId>> by_class_hash_;
};

/// Whether two ports cannot be had at once on one node.
bool ports_conflict(const HostPort& a, const HostPort& b);

}  // namespace gputide::state
