// The labels by which NodePools choose instance types.
#pragma once

#include <map>
#include <set>
#include <string>

#include "decide/checking/checks.h"
#include "model/karpenter.h"

namespace gputide::checking {

/// By label, every value that some type of AWS has. Labels that hang on more than the type, such as
/// the zone, are not in it.
using LabelValues = std::map<std::string, std::set<std::string>, std::less<>>;
LabelValues label_values(const pricing::Catalogue& catalogue);

/// Reports a key that looks like Karpenter's and is none (the NodePool's schema refuses keys of its
/// domains that it does not know), and values that no type has, so that they match nothing.
/// `place` is that of the requirement.
void check_label(const Context& context, const Place& place,
                 const model::NodePoolRequirement& wanted, const LabelValues& values);

}  // namespace gputide::checking
