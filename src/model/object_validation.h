// What the API server says of an object's metadata and of label selectors before it stores them.
// Source: k8s.io/apimachinery 0.31 pkg/api/validation, pkg/apis/meta/v1/validation.
#pragma once

#include <cstdint>
#include <string>

#include "model/meta.h"
#include "model/validation.h"

namespace gputide::model {

/// Keys and values of annotations together may have so many bytes.
inline constexpr std::size_t kMostAnnotationBytes = std::size_t{256} << 10;

/// Problems of metadata, each below `path`. `generation` is checked too: it is kept, not typed.
Problems check_object_meta(const ObjectMeta& meta, std::int64_t generation, bool requires_namespace,
                           NameRule rule, const std::string& path);

Problems check_labels(const StringMap& labels, const std::string& path);
Problems check_annotations(const StringMap& annotations, const std::string& path);
/// "" or the text about annotations that are too large.
std::string check_annotations_size(std::size_t bytes);

Problems check_label_selector(const LabelSelector& selector, const std::string& path);

}  // namespace gputide::model
