#include "decide/checking/checking.h"

#include <algorithm>

#include "base/check.h"
#include "decide/checking/checks.h"

namespace gputide::checking {

void Findings::add(Severity severity, const Place& place, Span where, Finding finding) {
  const auto known = codes();
  GPUTIDE_CHECK(std::any_of(known.begin(), known.end(),
                            [&](const Code& code) { return code.name == finding.code; }));
  out_.add({severity, place.file(), where, std::string(finding.code), std::move(finding.what),
            std::move(finding.remedy), std::move(finding.fix)});
}

void check(std::span<const model::Object* const> objects, const pricing::Catalogue& catalogue,
           const Options& options, Diagnostics& diagnostics) {
  const World world = look_at(objects, catalogue, diagnostics);
  Findings findings(diagnostics);
  const Context context{world, catalogue, options, findings};
  check_clusters(context);
  check_purchases(context);
  check_node_groups(context);
  check_template_tags(context);
  check_autoscalers(context);
  check_device_plugins(context);
  check_pods(context);
  check_placement(context);
  check_zones(context);
  check_workloads(context);
  check_karpenter(context);
  check_capacity_reservations(context);
  check_provisioning_requests(context);
  check_scenarios(context);
}

}  // namespace gputide::checking
