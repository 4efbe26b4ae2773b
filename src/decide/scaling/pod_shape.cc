#include "decide/scaling/pod_shape.h"

#include <algorithm>
#include <map>
#include <set>
#include <type_traits>

#include <boost/describe.hpp>
#include <boost/mp11.hpp>

#include "decide/scaling/pods.h"

namespace gputide::scaling {
namespace {

// Each value is written with its kind or length before it, so that no two structures share a text.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void write(std::string_view text) {
    write(static_cast<std::int64_t>(text.size()));
    out_.append(text);
  }
  void write(const std::string& text) { write(std::string_view(text)); }
  void write(std::int64_t number) { out_.append(std::to_string(number)).push_back(','); }
  void write(std::int32_t number) { write(static_cast<std::int64_t>(number)); }
  void write(bool flag) { out_.push_back(flag ? 'T' : 'F'); }
  void write(double number) { write(std::to_string(number)); }
  void write(const Instant& at) { write(at.nanoseconds()); }
  void write(const Quantity& quantity) {
    write(quantity.value());
    write(quantity.scaled_value(-9));
  }
  void write(const model::IntOrString& value) {
    if (value.is_string())
      write(value.string_value());
    else
      write(value.int_value());
  }
  void write(const model::Value& value) {
    using Kind = model::Value::Kind;
    write(static_cast<std::int64_t>(value.kind()));
    switch (value.kind()) {
      case Kind::Bool:
        return write(value.as_bool());
      case Kind::Int:
        return write(value.as_int());
      case Kind::Double:
        return write(value.as_double());
      case Kind::String:
        return write(value.as_string());
      case Kind::List:
        return write_all(value.as_list());
      case Kind::Map:
        return write_kept(value.as_map());
      default:
        return;
    }
  }
  template <class T>
  void write(const std::optional<T>& value) {
    out_.push_back(value ? '+' : '-');
    if (value) write(*value);
  }
  template <class T>
  void write(const std::vector<T>& list) {
    write_all(list);
  }
  template <class Map>
    requires requires { typename Map::mapped_type; }
  void write(const Map& map) {
    write(static_cast<std::int64_t>(map.size()));
    for (const auto& [key, value] : map) {
      write(key);
      write(value);
    }
  }
  template <class T>
    requires boost::describe::has_describe_members<T>::value
  void write(const T& object) {
    using Members = boost::describe::describe_members<T, boost::describe::mod_public>;
    boost::mp11::mp_for_each<Members>([&](auto member) { write(object.*member.pointer); });
    if constexpr (requires { object.kept; }) write_kept(object.kept);
  }

  void write_kept(const model::Value::Map& kept) {
    write(static_cast<std::int64_t>(kept.size()));
    for (const model::Member& member : kept) {
      write(member.key);
      write(member.value);
    }
  }

 private:
  template <class List>
  void write_all(const List& list) {
    write(static_cast<std::int64_t>(list.size()));
    for (const auto& item : list) write(item);
  }

  std::string& out_;
};

std::set<std::string> projected_volumes(const model::PodSpec& spec) {
  std::set<std::string> names;
  for (const model::Volume& volume : spec.volumes)
    if (!volume.projected.is_null()) names.insert(volume.name);
  return names;
}

void sanitize(std::vector<model::Container>& containers, const std::set<std::string>& projected) {
  for (model::Container& container : containers) {
    container.env.clear();
    std::erase_if(container.volumeMounts,
                  [&](const auto& mount) { return projected.contains(mount.name); });
  }
}

}  // namespace

void append_spec_text(const model::PodSpec& spec, std::string& out) {
  model::PodSpec clean = spec;
  const std::set<std::string> projected = projected_volumes(spec);
  std::erase_if(clean.volumes, [](const auto& volume) { return !volume.projected.is_null(); });
  sanitize(clean.containers, projected);
  sanitize(clean.initContainers, projected);
  std::erase_if(clean.kept, [](const auto& member) { return member.key == "hostname"; });
  Writer(out).write(clean);
}

std::uint32_t PodShapes::spec_id(const model::Pod& pod) {
  const void* address = pod.spec.identity();
  if (address != nullptr)
    if (const auto at = by_address_.find(address); at != by_address_.end()) return at->second;
  std::string text;
  append_spec_text(*pod.spec, text);
  const auto id = static_cast<std::uint32_t>(specs_.size());
  const std::uint32_t found = specs_.try_emplace(std::move(text), id).first->second;
  if (address != nullptr) {
    by_address_.emplace(address, found);
    held_.push_back(pod.spec);
  }
  return found;
}

PodShapes::Id PodShapes::of(const model::Pod& pod) {
  const std::uint32_t spec = spec_id(pod);
  if (last_ && last_->spec == spec && last_->namespace_ == pod.metadata.namespace_ &&
      last_->labels == pod.metadata.labels)
    return last_->id;
  scratch_.clear();
  Writer writer(scratch_);
  writer.write(static_cast<std::int64_t>(spec));
  writer.write(pod.metadata.namespace_);
  writer.write(pod.metadata.labels);
  const auto id = static_cast<Id>(ids_.size());
  const Id found = ids_.try_emplace(scratch_, id).first->second;
  last_ = Last{spec, pod.metadata.namespace_, pod.metadata.labels, found};
  return found;
}

void PodShapes::clear() {
  last_.reset();
  by_address_.clear();
  held_.clear();
  specs_.clear();
  ids_.clear();
}

std::vector<PodGroup> group_pods(std::span<const PodRef> pods, PodShapes& shapes) {
  std::vector<PodGroup> groups;
  std::map<std::string_view, std::vector<std::size_t>> of_controller;  // by its uid
  for (const PodRef& pod : pods) {
    const PodShapes::Id shape = shapes.of(*pod);
    const model::OwnerReference* owner = pod->metadata.controller();
    if (owner == nullptr || is_daemonset_pod(*pod)) {
      groups.push_back({{pod}, shape});
      continue;
    }
    std::vector<std::size_t>& siblings = of_controller[owner->uid];
    const auto same = std::find_if(siblings.begin(), siblings.end(),
                                   [&](std::size_t i) { return groups[i].shape == shape; });
    if (same != siblings.end()) {
      groups[*same].pods.push_back(pod);
      continue;
    }
    if (siblings.size() < kMaxShapesOfController) siblings.push_back(groups.size());
    groups.push_back({{pod}, shape});
  }
  return groups;
}

}  // namespace gputide::scaling
