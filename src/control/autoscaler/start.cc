#include "control/autoscaler/start.h"

#include "control/autoscaler/autoscaler.h"

namespace gputide::autoscaler {

Result<std::unique_ptr<port::Controller>> start(std::span<const std::string> flags,
                                                scaling::Compat compat, std::string_view image,
                                                const pricing::Catalogue& catalogue,
                                                std::uint64_t seed) {
  const scaling::Release release =
      scaling::release_of_image(image).value_or(scaling::Release::V1_36);
  Diagnostics found;
  scaling::Options options =
      scaling::parse_options(flags, compat, release, "cluster-autoscaler", {}, found);
  for (const Diagnostic& diagnostic : found.list())
    if (diagnostic.severity == Severity::Error)
      return fail(diagnostic.remedy.empty() ? diagnostic.what
                                            : diagnostic.what + "; " + diagnostic.remedy);
  for (const std::string& spec : options.node_group_auto_discovery)
    if (const auto tags = scaling::parse_auto_discovery(spec); !tags)
      return fail(tags.error().message);
  for (const std::string& spec : options.nodes)
    if (const auto nodes = scaling::parse_nodes_spec(spec); !nodes)
      return fail(nodes.error().message);
  const bool ours = options.compat == scaling::Compat::Gputide;
  return std::make_unique<Autoscaler>(
      std::move(options), ours ? "gputide-autoscaler" : "cluster-autoscaler", catalogue, seed);
}

}  // namespace gputide::autoscaler
