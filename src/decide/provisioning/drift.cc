#include "decide/provisioning/drift.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "codec/json.h"
#include "decide/provisioning/node_pool_validation.h"
#include "decide/provisioning/struct_hash.h"
#include "model/labels.h"

namespace gputide::provisioning {
namespace {

constexpr const char* kPoolVersion = "v3";
constexpr const char* kClassVersion = "gputide-v1";

using labels::kCapacityType;
using labels::kInstanceType;
using labels::kReservationId;
using labels::kZone;

void add_flag(StructHash& to, std::string_view name, const std::optional<bool>& flag) {
  if (flag) to.field(name, Hash::flag(*flag));
}

void add_number(StructHash& to, std::string_view name, const std::optional<std::int64_t>& number) {
  if (number) to.field(name, Hash::number(*number));
}

// Whatever the order of its maps' members and its lists.
std::uint64_t hash_of(const model::Value& value) {
  std::uint64_t all = 0;
  if (value.is_map())
    for (const model::Member& member : value.as_map())
      all ^= Hash::ordered(Hash::text(member.key), hash_of(member.value));
  else if (value.is_list())
    for (const model::Value& item : value.as_list()) all ^= hash_of(item);
  else
    return Hash::text(codec::write_json(value));
  return Hash::finished(all);
}

void add_value(StructHash& to, std::string_view name, const model::Value& value) {
  if (!value.is_null()) to.field(name, hash_of(value));
}

std::uint64_t device_hash(const model::BlockDeviceMapping& mapping) {
  StructHash h("BlockDeviceMapping");
  h.field("DeviceName", mapping.deviceName);
  StructHash ebs("BlockDevice");
  const std::uint64_t nothing = ebs.value();
  add_flag(ebs, "DeleteOnTermination", mapping.ebs.deleteOnTermination);
  add_flag(ebs, "Encrypted", mapping.ebs.encrypted);
  add_number(ebs, "IOPS", mapping.ebs.iops);
  ebs.field("KMSKeyID", mapping.ebs.kmsKeyID);
  ebs.field("SnapshotID", mapping.ebs.snapshotID);
  add_number(ebs, "Throughput", mapping.ebs.throughput);
  add_number(ebs, "VolumeInitializationRate", mapping.ebs.volumeInitializationRate);
  if (mapping.ebs.volumeSize) ebs.field("VolumeSize", mapping.ebs.volumeSize->text());
  ebs.field("VolumeType", mapping.ebs.volumeType);
  if (ebs.value() != nothing) h.field("EBS", ebs.value());
  if (mapping.rootVolume) h.field("RootVolume", Hash::flag(true));
  return h.value();
}

// What the API server's defaults make of it.
std::uint64_t metadata_hash(const model::MetadataOptions& options) {
  StructHash h("MetadataOptions");
  h.field("HTTPEndpoint", options.httpEndpoint.value_or("enabled"));
  h.field("HTTPProtocolIPv6", options.httpProtocolIPv6.value_or("disabled"));
  h.field("HTTPPutResponseHopLimit", Hash::number(options.httpPutResponseHopLimit.value_or(1)));
  h.field("HTTPTokens", options.httpTokens.value_or("required"));
  return h.value();
}

std::string family_of(const model::EC2NodeClassSpec& spec) {
  if (!spec.amiFamily.empty()) return spec.amiFamily;
  const std::string alias =
      spec.amiSelectorTerms.empty() ? "" : spec.amiSelectorTerms.front().alias;
  const std::string family = alias.substr(0, alias.find('@'));
  if (family == "al2") return "AL2";
  if (family == "al2023") return "AL2023";
  if (family == "bottlerocket") return "Bottlerocket";
  if (family == "windows2019") return "Windows2019";
  if (family == "windows2022") return "Windows2022";
  return "Custom";
}

std::string class_hash(const model::EC2NodeClassSpec& spec) {
  StructHash h("EC2NodeClassSpec");
  add_flag(h, "AssociatePublicIPAddress", spec.associatePublicIPAddress);
  h.field("UserData", spec.userData);
  h.field("Role", spec.role);
  h.field("InstanceProfile", spec.instanceProfile);
  h.field("Tags", spec.tags);
  add_value(h, "Kubelet", spec.kubelet);
  std::uint64_t devices = 0;
  for (const model::BlockDeviceMapping& mapping : spec.blockDeviceMappings)
    devices ^= device_hash(mapping);
  if (!spec.blockDeviceMappings.empty()) h.field("BlockDeviceMappings", devices);
  h.field("InstanceStorePolicy", spec.instanceStorePolicy);
  add_flag(h, "DetailedMonitoring", spec.detailedMonitoring);
  h.field("MetadataOptions",
          metadata_hash(spec.metadataOptions.value_or(model::MetadataOptions())));
  h.field("Context", spec.context);
  for (const model::Member& member : spec.kept)
    if (member.key != "ipPrefixCount") add_value(h, member.key, member.value);
  return std::to_string(h.value() ^ Hash::text(family_of(spec)));
}

std::string image_of(const model::AMISelectorTerm& term) {
  if (!term.id.empty()) return term.id;
  StructHash h("AMISelectorTerm");
  h.field("Alias", term.alias);
  h.field("Tags", term.tags);
  h.field("Name", term.name);
  h.field("Owner", term.owner);
  h.field("SSMParameter", term.ssmParameter);
  return fmt::format("ami-0{:016x}", h.value());
}

// Both are marked, by the same kind of hash, and differ.
bool differs(const model::StringMap& claim, const model::StringMap& now, const char* hash,
             const char* version) {
  const auto was = claim.find(hash), by = claim.find(version);
  if (was == claim.end() || by == claim.end() || by->second != now.at(version)) return false;
  return was->second != now.at(hash);
}

bool same_taints(const std::vector<model::Taint>& a, const std::vector<model::Taint>& b) {
  const auto all_in = [](const std::vector<model::Taint>& some,
                         const std::vector<model::Taint>& others) {
    return std::all_of(some.begin(), some.end(), [&](const model::Taint& taint) {
      return std::any_of(others.begin(), others.end(), [&](const model::Taint& other) {
        return taint.key == other.key && taint.value == other.value && taint.effect == other.effect;
      });
    });
  };
  return all_in(a, b) && all_in(b, a);
}

// A claim remembers its template, but for labels and annotations that are no more.
std::string changed_fields(const model::NodeClaim& claim, const model::NodePool& pool) {
  const model::NodeClaimTemplateSpec& now = pool.spec.template_.spec;
  std::vector<std::string> changed;
  if (!same_taints(claim.spec.taints, now.taints)) changed.emplace_back("taints");
  if (!same_taints(claim.spec.startupTaints, now.startupTaints))
    changed.emplace_back("startupTaints");
  if (claim.spec.nodeClassRef.name != now.nodeClassRef.name) changed.emplace_back("nodeClassRef");
  if (claim.spec.terminationGracePeriod != now.terminationGracePeriod)
    changed.emplace_back("terminationGracePeriod");
  if (claim.spec.expireAfter != now.expireAfter) changed.emplace_back("expireAfter");
  if (changed.empty()) changed.emplace_back("labels or annotations");
  return join(changed, ", ");
}

std::optional<Drift> static_drift(const model::NodeClaim& claim, const model::NodePool& pool) {
  if (!differs(claim.metadata.annotations, hash_annotations(pool), kPoolHash, kPoolHashVersion))
    return std::nullopt;
  return Drift{"NodePoolDrifted",
               fmt::format("{} of its NodePool changed", changed_fields(claim, pool))};
}

std::optional<Drift> requirement_drift(const model::NodeClaim& claim, const model::NodePool& pool) {
  const auto asked = Requirements::from_node_pool(pool.spec.template_.spec.requirements);
  for (const auto& [key, requirement] : asked) {
    const auto label = claim.metadata.labels.find(key);
    const bool absent = label == claim.metadata.labels.end();
    if (absent ? requirement.allows_absence() : requirement.has(label->second)) continue;
    return Drift{"RequirementsDrifted",
                 fmt::format("its NodePool requires {}, and it {}", requirement.text(),
                             absent ? "has no such label" : "is " + label->second)};
  }
  return std::nullopt;
}

std::string label_of(const model::NodeClaim& claim, std::string_view key) {
  const auto found = claim.metadata.labels.find(std::string(key));
  return found == claim.metadata.labels.end() ? std::string() : found->second;
}

std::optional<Drift> type_drift(const model::NodeClaim& claim,
                                std::span<const ProviderType> offered) {
  if (offered.empty()) return std::nullopt;
  const std::string type = label_of(claim, kInstanceType);
  const std::string zone = label_of(claim, kZone), market = label_of(claim, kCapacityType);
  if (market == "reserved") return std::nullopt;  // it is its reservation that counts
  for (const ProviderType& each : offered)
    if (each.name == type)
      for (const ProviderType::Offering& offering : each.offerings)
        if (offering.zone == zone && offering.capacity_type == market) return std::nullopt;
  return Drift{"InstanceTypeNotFound",
               fmt::format("{} is not offered ({}, {}) any more", type, market, zone)};
}

std::optional<Drift> reservation_drift(const model::NodeClaim& claim, const DriftGround& ground) {
  const std::string id = label_of(claim, kReservationId);
  if (id.empty() || !ground.reservations || ground.node_class == nullptr) return std::nullopt;
  const auto selected = model::selected_reservations(ground.node_class->spec, *ground.reservations);
  if (std::any_of(selected.begin(), selected.end(),
                  [&](const auto& each) { return each.id == id; }))
    return std::nullopt;
  return Drift{"CapacityReservationDrift",
               fmt::format("EC2NodeClass {} does not select capacity reservation {} any more",
                           ground.node_class->metadata.name, id)};
}

std::optional<Drift> class_drift(const model::NodeClaim& claim,
                                 const model::EC2NodeClass& node_class) {
  const std::string& name = node_class.metadata.name;
  if (differs(claim.metadata.annotations, hash_annotations(node_class), kClassHash,
              kClassHashVersion))
    return Drift{"NodeClassDrift", fmt::format("EC2NodeClass {} changed", name)};
  const auto& terms = node_class.spec.amiSelectorTerms;
  const std::string& image = claim.status.imageID;
  if (image.empty() || std::any_of(terms.begin(), terms.end(),
                                   [&](const auto& term) { return image_of(term) == image; }))
    return std::nullopt;
  return Drift{"AMIDrift", fmt::format("EC2NodeClass {} selects other images", name)};
}

}  // namespace

model::StringMap hash_annotations(const model::NodePool& pool) {
  return {{kPoolHash, node_pool_hash(pool.spec.template_)}, {kPoolHashVersion, kPoolVersion}};
}

model::StringMap hash_annotations(const model::EC2NodeClass& node_class) {
  return {{kClassHash, class_hash(node_class.spec)}, {kClassHashVersion, kClassVersion}};
}

std::string image_of(const model::EC2NodeClass& node_class) {
  const auto& terms = node_class.spec.amiSelectorTerms;
  return terms.empty() ? std::string() : image_of(terms.front());
}

std::optional<Drift> drift_of(const model::NodeClaim& claim, const DriftGround& ground) {
  if (auto drift = static_drift(claim, ground.pool)) return drift;
  if (auto drift = requirement_drift(claim, ground.pool)) return drift;
  if (ground.node_class != nullptr)
    if (auto drift = class_drift(claim, *ground.node_class)) return drift;
  const std::string zone = label_of(claim, kZone);
  if (!ground.zones.empty() &&
      std::find(ground.zones.begin(), ground.zones.end(), zone) == ground.zones.end())
    return Drift{"SubnetDrift",
                 fmt::format("EC2NodeClass {} selects no subnet in {} any more",
                             ground.pool.spec.template_.spec.nodeClassRef.name, zone)};
  if (auto drift = reservation_drift(claim, ground)) return drift;
  return type_drift(claim, ground.offered);
}

}  // namespace gputide::provisioning
