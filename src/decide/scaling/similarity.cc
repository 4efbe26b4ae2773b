#include "decide/scaling/similarity.h"

#include <algorithm>
#include <map>

#include <fmt/core.h>

#include "model/pod_requests.h"

namespace gputide::scaling {
namespace {

using model::ResourceList;

constexpr std::string_view kIgnoredEverywhere[] = {"kubernetes.io/hostname",
                                                   "failure-domain.beta.kubernetes.io/zone",
                                                   "failure-domain.beta.kubernetes.io/region",
                                                   "topology.kubernetes.io/zone",
                                                   "topology.kubernetes.io/region",
                                                   "beta.kubernetes.io/fluentd-ds-ready",
                                                   "kops.k8s.io/instancegroup"};

constexpr std::string_view kIgnoredOnAws[] = {"alpha.eksctl.io/instance-id",
                                              "alpha.eksctl.io/nodegroup-name",
                                              "eks.amazonaws.com/nodegroup",
                                              "k8s.amazonaws.com/eniConfig",
                                              "lifecycle",
                                              "topology.ebs.csi.aws.com/zone"};

// Resources that the scheduler counts besides cpu, memory, ephemeral storage and pods.
bool is_scalar(std::string_view name) {
  const bool native = name.find('/') == std::string_view::npos ||
                      name.find("kubernetes.io/") != std::string_view::npos;
  return !native || name.starts_with("hugepages-") || name.starts_with("attachable-volumes-") ||
         name.find("kubernetes.io/") != std::string_view::npos;
}

// What the pods ask for in the scheduler's units: whole, but cpu in thousandths; the four basic
// ones always.
model::ResourceList requested(const NodeTemplate& node) {
  std::map<std::string, std::int64_t> sums{
      {"cpu", 0}, {"memory", 0}, {"ephemeral-storage", 0}, {"pods", 0}};
  for (const PodRef& pod : node.pods)
    for (const auto& [name, amount] : model::pod_requests(*pod)) {
      if (name == "cpu")
        sums[name] += amount.milli_value();
      else if (name == "memory" || name == "ephemeral-storage" || is_scalar(name))
        sums[name] += amount.value();
    }
  model::ResourceList out;
  for (const auto& [name, sum] : sums)
    out[name] = name == "cpu" ? Quantity::from_milli(sum) : Quantity::from_value(sum);
  return out;
}

bool within(const Quantity& a, const Quantity& b, double ratio) {
  const double larger =
      std::max(static_cast<double>(a.milli_value()), static_cast<double>(b.milli_value()));
  const double smaller =
      std::min(static_cast<double>(a.milli_value()), static_cast<double>(b.milli_value()));
  return larger - smaller <= larger * ratio;
}

// The first name that only one of the lists has; "" when both have the same.
template <class List>
std::string unpaired(const List& a, const List& b) {
  for (const auto& [name, value] : a)
    if (!b.contains(name)) return name;
  for (const auto& [name, value] : b)
    if (!a.contains(name)) return name;
  return {};
}

std::string capacity_difference(const ResourceList& a, const ResourceList& b, double memory_ratio) {
  if (const std::string name = unpaired(a, b); !name.empty())
    return fmt::format("only one of them has capacity {}", name);
  for (const auto& [name, amount] : a) {
    const Quantity& other = b.at(name);
    const bool alike = name == "memory" ? within(amount, other, memory_ratio) : amount == other;
    if (!alike) return fmt::format("capacity {} is {} and {}", name, amount.text(), other.text());
  }
  return {};
}

std::string ratio_difference(std::string_view what, const model::ResourceList& a,
                             const model::ResourceList& b, double ratio) {
  if (const std::string name = unpaired(a, b); !name.empty())
    return fmt::format("only one of them has {} {}", what, name);
  for (const auto& [name, amount] : a)
    if (!within(amount, b.at(name), ratio))
      return fmt::format("{} {} is {} and {}", what, name, amount.text(), b.at(name).text());
  return {};
}

model::ResourceList free_resources(const NodeTemplate& node) {
  model::ResourceList out;
  for (const auto& [name, used] : requested(node)) {
    const auto at = node.node.status.allocatable.find(name);
    Quantity left = at == node.node.status.allocatable.end() ? Quantity() : at->second;
    left.sub(used);
    out[name] = left;
  }
  return out;
}

std::string label_difference(const model::StringMap& a, const model::StringMap& b,
                             const std::set<std::string, std::less<>>& ignored) {
  const auto one_sided = [&](const model::StringMap& x, const model::StringMap& y) -> std::string {
    for (const auto& [key, value] : x) {
      if (ignored.contains(key)) continue;
      const auto at = y.find(key);
      if (at == y.end()) return fmt::format("only one of them has label {}", key);
      if (at->second != value)
        return fmt::format("label {} is \"{}\" and \"{}\"", key, value, at->second);
    }
    return {};
  };
  const std::string found = one_sided(a, b);
  return found.empty() ? one_sided(b, a) : found;
}

std::string listed_label_difference(const model::StringMap& a, const model::StringMap& b,
                                    std::span<const std::string> labels) {
  for (const std::string& key : labels) {
    const auto mine = a.find(key);
    const auto other = b.find(key);
    if (mine == a.end() || other == b.end())
      return fmt::format("not both of them have label {}", key);
    if (mine->second != other->second)
      return fmt::format("label {} is \"{}\" and \"{}\"", key, mine->second, other->second);
  }
  return {};
}

}  // namespace

SimilarityOptions SimilarityOptions::generic(std::span<const std::string> extra_ignored) {
  SimilarityOptions options;
  options.ignored_labels.insert(std::begin(kIgnoredEverywhere), std::end(kIgnoredEverywhere));
  options.ignored_labels.insert(extra_ignored.begin(), extra_ignored.end());
  return options;
}

SimilarityOptions SimilarityOptions::aws(std::span<const std::string> extra_ignored,
                                         const Semantics& semantics) {
  SimilarityOptions options = generic(extra_ignored);
  options.ignored_labels.insert(std::begin(kIgnoredOnAws), std::end(kIgnoredOnAws));
  if (semantics.ignore_zone_id_label) options.ignored_labels.insert("topology.k8s.aws/zone-id");
  return options;
}

SimilarityOptions SimilarityOptions::of(const Options& flags) {
  SimilarityOptions options = aws(flags.balancing_ignore_label, flags.semantics());
  options.only_labels = flags.balancing_label;
  options.capacity_memory_ratio = flags.memory_difference_ratio;
  options.allocatable_ratio = flags.max_allocatable_difference_ratio;
  options.free_ratio = flags.max_free_difference_ratio;
  return options;
}

std::string difference(const NodeTemplate& a, const NodeTemplate& b,
                       const SimilarityOptions& options) {
  const model::StringMap& labels_a = a.node.metadata.labels;
  const model::StringMap& labels_b = b.node.metadata.labels;
  if (!options.only_labels.empty())
    return listed_label_difference(labels_a, labels_b, options.only_labels);
  std::string found = capacity_difference(a.node.status.capacity, b.node.status.capacity,
                                          options.capacity_memory_ratio);
  if (found.empty())
    found = ratio_difference("allocatable", a.node.status.allocatable, b.node.status.allocatable,
                             options.allocatable_ratio);
  if (found.empty())
    found = ratio_difference("free", free_resources(a), free_resources(b), options.free_ratio);
  if (found.empty()) found = label_difference(labels_a, labels_b, options.ignored_labels);
  return found;
}

bool Likeness::operator()(const std::shared_ptr<const NodeTemplate>& a,
                          const std::shared_ptr<const NodeTemplate>& b) const {
  constexpr std::size_t kMostAnswers = 4096;
  const std::pair<const void*, const void*> key{a.get(), b.get()};
  const auto known = answers_.find(key);
  if (known != answers_.end() && known->second.a.lock() == a && known->second.b.lock() == b)
    return known->second.alike;
  if (answers_.size() >= kMostAnswers)
    boost::unordered::erase_if(answers_, [](const auto& answer) {
      return answer.second.a.expired() || answer.second.b.expired();
    });
  const bool alike = similar(*a, *b, options_);
  answers_[key] = {a, b, alike};
  return alike;
}

}  // namespace gputide::scaling
