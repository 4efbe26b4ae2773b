#include "control/workloads/template_hash.h"

#include "codec/bind.h"
#include "codec/pod_template_hash.h"

namespace gputide::workloads {

std::string template_hash(const model::PodTemplateSpec& pod_template) {
  return codec::pod_template_hash(codec::encode(pod_template), codec::TemplateOrigin::ApiServer);
}

bool same_template(const model::PodTemplateSpec& a, const model::PodTemplateSpec& b) {
  return a.spec.identity() == b.spec.identity() && a.metadata.labels == b.metadata.labels &&
         a.metadata.annotations == b.metadata.annotations;
}

}  // namespace gputide::workloads
