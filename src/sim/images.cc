#include "sim/images.h"

#include <algorithm>
#include <utility>

namespace gputide::sim {

namespace {

struct KnownImage {
  std::string_view part;  // of the name
  std::int64_t megabytes;
};

// Compressed sizes, rounded, in order of precedence. From the registries' manifests.
constexpr KnownImage kKnown[] = {
    {"amazon-k8s-cni", 45},
    {"aws-network-policy-agent", 40},

    {"kube-proxy", 28},
    {"coredns", 18},
    {"cluster-autoscaler", 40},
    {"k8s-device-plugin", 180},
    {"aws-virtual-gpu-device-plugin", 130},
    {"gputide", 15},
    {"dcgm-exporter", 450},
    {"node-termination-handler", 30},
    {"gpu-feature-discovery", 180},
    {"cuda-vector-add", 710},
    {"cuda-sample", 110},
    {"tensorflow-serving", 1700},
    {"tensorflow", 3500},
    {"pytorch", 4200},
    {"vllm", 5500},
    {"tritonserver", 6500},
    {"text-generation-inference", 4800},
    {"huggingface", 4200},
    {"nemo", 9500},
    {"cuda", 1500},
    {"nvidia", 1500},
    {"busybox", 2},
    {"pause", 1},
    {"alpine", 4},
    {"nginx", 70},
    {"python", 350},
    {"ubuntu", 30},
};
constexpr std::int64_t kUnknownMegabytes = 200;

// What unpacking to a gp3 volume lets through, of the compressed image.
constexpr std::int64_t kUnpackMegabytesPerSecond = 80;
constexpr std::int64_t kDefaultNetworkMbps = 5000;
// Asking the registry whether the tag still means the same image.
constexpr Duration kManifestCheck = Duration::milliseconds(400);

}  // namespace

std::int64_t image_megabytes(std::string_view image) {
  for (const KnownImage& known : kKnown)
    if (image.find(known.part) != std::string_view::npos) return known.megabytes;
  return kUnknownMegabytes;
}

std::string reported_name(std::string_view image) {
  std::string name(image);
  const std::size_t slash = image.find('/');
  const std::string_view first = image.substr(0, slash);
  if (slash == std::string_view::npos)
    name.insert(0, "docker.io/library/");
  else if (first.find_first_of(".:") == std::string_view::npos && first != "localhost")
    name.insert(0, "docker.io/");
  const std::size_t last = name.rfind('/');
  return name.find_first_of(":@", last) == std::string::npos ? name + ":latest" : name;
}

bool always_pulls(const model::Container& container) {
  if (!container.imagePullPolicy.empty()) return container.imagePullPolicy == "Always";
  const std::string& image = container.image;
  if (image.find('@') != std::string::npos) return false;
  const std::size_t slash = image.rfind('/');
  const std::size_t colon = image.rfind(':');
  const bool tagged = colon != std::string::npos && (slash == std::string::npos || colon > slash);
  return !tagged || image.ends_with(":latest");
}

ImageCache::ImageCache(const model::InstanceType& type)
    : megabytes_per_second_(std::max<std::int64_t>(
          1, std::min(kUnpackMegabytesPerSecond,
                      type.network_mbps.value_or(kDefaultNetworkMbps) / 8))) {}

Instant ImageCache::available_at(std::string_view image, bool always, Instant now) {
  const auto found = images_.find(image);
  if (found != images_.end()) {
    if (found->second.at > now) return found->second.at;
    return always ? now + kManifestCheck : now;
  }
  const Duration pull = kManifestCheck + Duration::milliseconds(image_megabytes(image) * 1000 /
                                                                megabytes_per_second_);
  free_at_ = std::max(free_at_, now) + pull;
  images_.emplace(image, Image{free_at_});
  return free_at_;
}

bool ImageCache::report(std::string_view image) {
  const auto found = images_.find(image);
  return found != images_.end() && !std::exchange(found->second.reported, true);
}

}  // namespace gputide::sim
