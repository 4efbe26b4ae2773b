// instanceSelector: instance types by what they have instead of by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "decide/pricing/catalogue.h"
#include "model/cluster_config.h"

namespace gputide::cluster {

/// Types offered in the region that have exactly the vCPUs, memory ("16", "16GiB", "512MiB") and
/// GPUs that are asked for, of one architecture (x86_64 unless given), in byte order. `allow` and
/// `deny` are regular expressions that names match somewhere. Errors: a memory or an expression
/// that cannot be read, no match, or more than 40, which eksctl refuses.
Result<std::vector<std::string>> select_types(const model::InstanceSelector& selector,
                                              const pricing::Catalogue& catalogue,
                                              std::string_view region);

}  // namespace gputide::cluster
