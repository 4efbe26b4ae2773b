// The checks, one function a subject.
#pragma once

#include "decide/checking/checking.h"
#include "decide/checking/findings.h"
#include "decide/checking/world.h"

namespace gputide::checking {

struct Context {
  const World& world;
  const pricing::Catalogue& catalogue;
  const Options& options;
  Findings& findings;
};

/// Adds a tag to what the group's author wrote; none when it is there or there is no place for it.
std::optional<Edit> add_tag(const GroupView& group, const std::string& key,
                            const std::string& value);

void check_clusters(const Context& context);       // version, region, zones
void check_purchases(const Context& context);      // types, prices, spot settings
void check_node_groups(const Context& context);    // volumes, taints, IAM, images
void check_template_tags(const Context& context);  // what scale-from-zero can see
void check_autoscalers(const Context& context);    // Cluster Autoscaler's flags and discovery
void check_device_plugins(const Context& context);
void check_pods(const Context& context);       // what the API server refuses, GPU requests
void check_placement(const Context& context);  // selectors and tolerations against node groups
void check_zones(const Context& context);      // pods of one zone, groups over several
void check_workloads(const Context& context);  // selectors, templates, budgets
void check_karpenter(const Context& context);
void check_capacity_reservations(const Context& context);  // terms that select them
void check_provisioning_requests(const Context& context);
void check_scenarios(const Context& context);

}  // namespace gputide::checking
