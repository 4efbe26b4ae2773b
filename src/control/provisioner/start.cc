#include "control/provisioner/start.h"

#include "control/provisioner/provisioner.h"

namespace gputide::provisioner {

Result<std::unique_ptr<port::Controller>> start(std::span<const std::string> flags,
                                                std::span<const std::string> environment,
                                                const std::string& cluster,
                                                const std::string& region,
                                                const pricing::Catalogue& catalogue,
                                                std::uint64_t seed) {
  Result<Options> options = parse_options(flags, environment);
  if (!options) return tl::unexpected(options.error());
  if (options->cluster_name.empty()) options->cluster_name = cluster;
  return std::make_unique<Provisioner>(std::move(*options), catalogue, region, seed);
}

}  // namespace gputide::provisioner
