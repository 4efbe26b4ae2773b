// The hash by which a Deployment names its ReplicaSets (label pod-template-hash), as
// Kubernetes 1.31 computes it: FNV-32a over the template as Go prints the struct, field by field.
// Source: kubernetes 1.31 pkg/controller ComputeHash, pkg/util/hash, davecgh/go-spew.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/value.h"

namespace gputide::codec {

/// Whose template it is.
enum class TemplateOrigin {
  AsWritten,  // nothing is added to what stands there
  ApiServer,  // with the API server's defaults, and quantities as it writes them: what controllers
              // see
};

/// The text that is hashed. `pod_template`: a PodTemplateSpec as JSON has it; keys that 1.31 does
/// not know are left out. Quantities that do not fit 18 digits are printed as if they did.
std::string pod_template_text(const model::Value& pod_template, TemplateOrigin origin);

/// Up to ten safe letters. `collision_count`: of the Deployment's status.
std::string pod_template_hash(const model::Value& pod_template, TemplateOrigin origin,
                              std::optional<std::int32_t> collision_count = {});

/// The table that the text is made by; see pod_template_fields.cc.
extern const std::string_view kPodTemplateFields;

}  // namespace gputide::codec
