// How long container images take to arrive on a node.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.h"
#include "model/instance_type.h"
#include "model/pod.h"

namespace gputide::sim {

/// Compressed size of an image by what its name tells: measured sizes of well-known images, else
/// 200 MB.
std::int64_t image_megabytes(std::string_view image);

/// The name by which a kubelet reports an image: with registry and tag, as containerd keeps it. The
/// scheduler adds the tag alone, so that images of Docker Hub count on a node only for pods that
/// write docker.io/library/nginx:1.27.
std::string reported_name(std::string_view image);

/// The kubelet's rule: as written; else Always for the tag "latest" and for none, IfNotPresent for
/// others.
bool always_pulls(const model::Container& container);

/// The images of one node. Pulls come one after the other, as a kubelet does by default.
class ImageCache {
 public:
  explicit ImageCache(const model::InstanceType& type);

  /// When the image is there, if it is asked for now; starts its pull if need be.
  Instant available_at(std::string_view image, bool always, Instant now);
  /// It is there, or on its way.
  bool has(std::string_view image) const { return images_.contains(image); }
  /// Notes that the node says that it has the image, which was asked for; false: it said so before.
  bool report(std::string_view image);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  std::int64_t megabytes_per_second_;
  Instant free_at_;  // when the last pull ends
  struct Image {
    Instant at;  // when it is there
    bool reported = false;
  };
  std::unordered_map<std::string, Image, Hash, std::equal_to<>> images_;
};

}  // namespace gputide::sim
