// What the tags of an Auto Scaling group say about its nodes. Keys are found anywhere in a tag's
// key, not only at its start, as upstream finds them. Source: Cluster Autoscaler 1.31.5
// cloudprovider/aws/aws_manager.go.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/quantity.h"
#include "decide/scaling/options.h"
#include "model/pod.h"

namespace gputide::scaling {

inline constexpr std::string_view kNodeTemplateTag = "k8s.io/cluster-autoscaler/node-template/";

using Tags = std::vector<std::pair<std::string, std::string>>;

/// Labels from `.../label/KEY` tags, and from any key that holds "eks:" (the name is what follows
/// it).
std::map<std::string, std::string> labels_from_tags(const Tags& tags);

/// Taints from `.../taint/KEY` tags whose value is "VALUE:EFFECT". Values without a known effect
/// are dropped, as upstream drops them; `taint_tag_problem` says why.
std::vector<model::Taint> taints_from_tags(const Tags& tags);

/// What is wrong with the value of a taint tag, as a sentence; empty when it says what its writer
/// meant.
std::string taint_tag_problem(std::string_view value);

/// Quantities from `.../resources/NAME` tags; what is no quantity is dropped.
model::ResourceList resources_from_tags(const Tags& tags);

/// Names and texts of `.../autoscaling-options/NAME` tags. This one is a prefix, not anywhere in
/// the key.
std::map<std::string, std::string> option_texts_from_tags(const Tags& tags);

/// A group's options: the five that upstream reads on AWS, over `defaults`. Texts that do not parse
/// change nothing and are named in `ignored`.
GroupOptions group_options_from_tags(const Tags& tags, const GroupOptions& defaults,
                                     std::vector<std::string>* ignored = nullptr);

}  // namespace gputide::scaling
