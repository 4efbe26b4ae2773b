// Clusters: Kubernetes version, region and zones.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "decide/checking/checks.h"
#include "decide/pricing/eks_versions.h"

namespace gputide::checking {
namespace {

using pricing::EksVersion;

// Those that eksctl takes (August 2026).
constexpr std::string_view kRegions[] = {
    "af-south-1",     "ap-east-1",      "ap-east-2",       "ap-northeast-1", "ap-northeast-2",
    "ap-northeast-3", "ap-south-1",     "ap-south-2",      "ap-southeast-1", "ap-southeast-2",
    "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",  "ap-southeast-6", "ap-southeast-7",
    "ca-central-1",   "ca-west-1",      "cn-north-1",      "cn-northwest-1", "eu-central-1",
    "eu-central-2",   "eu-isoe-west-1", "eu-north-1",      "eu-south-1",     "eu-south-2",
    "eu-west-1",      "eu-west-2",      "eu-west-3",       "il-central-1",   "me-central-1",
    "me-south-1",     "mx-central-1",   "sa-east-1",       "us-east-1",      "us-east-2",
    "us-gov-east-1",  "us-gov-west-1",  "us-iso-east-1",   "us-iso-west-1",  "us-isob-east-1",
    "us-isob-west-1", "us-isof-east-1", "us-isof-south-1", "us-west-1",      "us-west-2"};

std::string offered_versions() {
  std::vector<std::string> names;
  for (const EksVersion& version : pricing::eks_versions())
    if (version.offered) names.push_back(fmt::format("1.{}", version.minor));
  return join(names, ", ");
}

bool is_region(const std::string& name) {
  return std::find(std::begin(kRegions), std::end(kRegions), name) != std::end(kRegions);
}

void check_region(const Context& context, const std::string& region, const Place& place) {
  if (region.empty())
    return context.findings.warning(
        place, {"no-region",
                "no region is named: eksctl takes that of your AWS profile, here it is us-west-2",
                "write region:"});
  if (is_region(region)) return;
  const auto meant = closest(region, kRegions);
  context.findings.error(
      place["region"],
      {"unknown-region", fmt::format("{} is no region of AWS", quote(region)),
       meant ? fmt::format("did you mean {}?", *meant) : "write us-west-2, for instance"});
}

void check_version(const Context& context, const ClusterView& cluster) {
  const auto& version = cluster.config->metadata.version;
  if (!version || version->empty()) return;  // absent, or no string, which has been said
  const Place place = Place(*cluster.object)["metadata"]["version"];
  const std::optional<int> minor = pricing::minor_of(*version);
  if (!minor)
    return context.findings.error(
        place, {"bad-kubernetes-version",
                fmt::format("version {} is not a Kubernetes version", quote(*version)),
                fmt::format("write one of {}, in quotes", offered_versions())});
  const auto versions = pricing::eks_versions();
  const auto known = std::find_if(versions.begin(), versions.end(),
                                  [&](const EksVersion& v) { return v.minor == *minor; });
  if (*minor > versions.back().minor)
    return context.findings.warning(
        place, {"unknown-kubernetes-version",
                fmt::format("EKS versions are known here up to 1.{}; nothing is said about {}",
                            versions.back().minor, *version),
                ""});
  if (known == versions.end() || !known->offered) {
    const std::string ended =
        known == versions.end() ? "" : fmt::format(" since {}", known->extended_until);
    return context.findings.add(
        context.options.as_it_was ? Severity::Warning : Severity::Error, place, place.where(),
        {"kubernetes-version-gone",
         fmt::format("EKS no longer offers Kubernetes {}{}", *version, ended),
         fmt::format("write one of {}", offered_versions())});
  }
  const auto supported = std::find_if(versions.begin(), versions.end(),
                                      [](const EksVersion& v) { return !v.extended; });
  if (known->extended)
    context.findings.warning(
        place,
        {"kubernetes-version-extended",
         fmt::format("standard support of Kubernetes {} ended on {}: until {} the cluster costs "
                     "${} an hour instead of ${}, then EKS upgrades it by force",
                     *version, known->standard_until, known->extended_until,
                     pricing::kExtendedSupport.text(), pricing::kStandardSupport.text()),
         fmt::format("write version: \"1.{}\" or later", supported->minor)});
}

void check_zone_names(const Context& context, const ClusterView& cluster, const Place& list) {
  const model::Value* zones = list.get();
  if (zones == nullptr || !zones->is_list() || !is_region(cluster.region)) return;
  for (std::size_t i = 0; i < zones->as_list().size(); ++i) {
    const model::Value& zone = zones->as_list()[i];
    if (!zone.is_string() || pricing::region_of_zone(zone.as_string()) == cluster.region) continue;
    context.findings.error(list[i],
                           {"zone-of-another-region",
                            fmt::format("{} is not a zone of {}", zone.as_string(), cluster.region),
                            fmt::format("write {}a, for instance", cluster.region)});
  }
}

bool is_cluster_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (name.empty() || name.size() > 100 || !letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; });
}

void check_cluster(const Context& context, const ClusterView& cluster) {
  const Place place(*cluster.object);
  const model::ClusterConfig& config = *cluster.config;
  if (!is_cluster_name(config.metadata.name))
    context.findings.error(
        place["metadata"]["name"],
        {"bad-cluster-name",
         fmt::format("{} cannot be the name of a cluster", quote(config.metadata.name)),
         "write a letter, then letters, digits and hyphens, 100 at most"});
  check_region(context, config.metadata.region, place["metadata"]);
  check_version(context, cluster);
  check_zone_names(context, cluster, place["availabilityZones"]);
  if (config.availabilityZones.size() == 1)
    context.findings.error(
        place["availabilityZones"],
        {"too-few-zones", "only 1 zone is named, and a cluster needs 2 (they may be equal)",
         "name at least two zones"});
}

}  // namespace

void check_clusters(const Context& context) {
  for (const ClusterView& cluster : context.world.clusters) check_cluster(context, cluster);
}

}  // namespace gputide::checking
