#include "model/pod_requests.h"

namespace gputide::model {
namespace {

bool is_sidecar(const Container& container) {
  return container.restartPolicy == "Always";
}

void add(ResourceList& sum, const ResourceList& more) {
  for (const auto& [name, amount] : more) {
    const auto [at, fresh] = sum.try_emplace(name, amount);
    if (!fresh) at->second.add(amount);
  }
}

void raise(ResourceList& most, const ResourceList& other) {
  for (const auto& [name, amount] : other) {
    const auto [at, fresh] = most.try_emplace(name, amount);
    if (!fresh && amount > at->second) at->second = amount;
  }
}

void add(Quantity& sum, const Quantity& more) {
  sum.add(more);
}

void raise(Quantity& most, const Quantity& other) {
  if (other > most) most = other;
}

/// `stated(container)` is what each container counts for: a list, or the amount of one resource.
template <class Amount = ResourceList, class Stated>
Amount total(const PodSpec& spec, const Stated& stated) {
  Amount sum;
  for (const Container& container : spec.containers) add(sum, stated(container));
  if (spec.initContainers.empty()) return sum;
  Amount sidecars;
  Amount most_at_start;
  for (const Container& container : spec.initContainers) {
    if (is_sidecar(container)) {
      add(sum, stated(container));
      add(sidecars, stated(container));
      raise(most_at_start, sidecars);
    } else {
      Amount running = stated(container);
      add(running, sidecars);
      raise(most_at_start, running);
    }
  }
  raise(sum, most_at_start);
  return sum;
}

template <class Visit>
void each_container(const PodSpec& spec, Visit visit) {
  for (const Container& container : spec.containers) visit(container);
  for (const Container& container : spec.initContainers) visit(container);
}

/// The CPU and memory of `list` that are not zero, summed into `sum`; how many there were.
int add_computed(ResourceList& sum, const ResourceList& list) {
  int found = 0;
  for (const char* name : {"cpu", "memory"}) {
    const auto at = list.find(name);
    if (at == list.end() || at->second.sign() <= 0) continue;
    ++found;
    const auto [place, fresh] = sum.try_emplace(name, at->second);
    if (!fresh) place->second.add(at->second);
  }
  return found;
}

}  // namespace

ResourceList pod_requests(const Pod& pod, const PodRequestOptions& options) {
  return pod_requests(*pod.spec, options);
}

ResourceList pod_requests(const PodSpec& spec, const PodRequestOptions& options) {
  ResourceList sum;
  if (options.missing != nullptr) {
    sum = total(spec, [&](const Container& container) {
      ResourceList filled = container.resources.requests;
      filled.insert(options.missing->begin(), options.missing->end());
      return filled;
    });
  } else {
    sum = total(spec, [](const Container& container) -> const ResourceList& {
      return container.resources.requests;
    });
  }
  if (!options.without_overhead) add(sum, spec.overhead);
  return sum;
}

const ResourceList& pod_requests(const PodSpec& spec, ResourceList& sum) {
  if (spec.containers.size() == 1 && spec.initContainers.empty() && spec.overhead.empty())
    return spec.containers.front().resources.requests;
  sum = pod_requests(spec);
  return sum;
}

Quantity pod_request(const PodSpec& spec, const std::string& resource) {
  const auto of = [&](const ResourceList& list) -> const Quantity& {
    static const Quantity kNone;
    const auto at = list.find(resource);
    return at == list.end() ? kNone : at->second;
  };
  Quantity sum = total<Quantity>(spec, [&](const Container& container) -> const Quantity& {
    return of(container.resources.requests);
  });
  add(sum, of(spec.overhead));
  return sum;
}

ResourceList pod_limits(const PodSpec& spec, bool without_overhead) {
  ResourceList sum = total(spec, [](const Container& container) -> const ResourceList& {
    return container.resources.limits;
  });
  if (without_overhead) return sum;
  for (const auto& [name, amount] : spec.overhead)
    if (const auto at = sum.find(name); at != sum.end() && !at->second.is_zero())
      at->second.add(amount);
  return sum;
}

QosClass qos_class(const PodSpec& spec) {
  ResourceList requests;
  ResourceList limits;
  bool guaranteed = true;
  each_container(spec, [&](const Container& container) {
    add_computed(requests, container.resources.requests);
    if (add_computed(limits, container.resources.limits) < 2) guaranteed = false;
  });
  if (requests.empty() && limits.empty()) return QosClass::BestEffort;
  return guaranteed && requests == limits ? QosClass::Guaranteed : QosClass::Burstable;
}

std::string_view qos_class_name(QosClass qos) {
  switch (qos) {
    case QosClass::Guaranteed:
      return "Guaranteed";
    case QosClass::Burstable:
      return "Burstable";
    case QosClass::BestEffort:
      break;
  }
  return "BestEffort";
}

}  // namespace gputide::model
