// Kubernetes objects -> the packing engine's numbers.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "decide/provisioning/node_ask.h"
#include "decide/provisioning/offer_memo.h"
#include "decide/provisioning/planned_node.h"
#include "decide/provisioning/provision.h"
#include "decide/provisioning/topology_compile.h"
#include "model/conditions.h"
#include "model/labels.h"
#include "model/pod_requests.h"

namespace gputide::provisioning {

std::shared_ptr<OfferMemo> make_offer_memo() {
  return std::make_shared<OfferMemo>();
}

namespace {

using labels::kCapacityType;
using labels::kHostnameLabel;
using labels::kNodePool;
using labels::kReservationId;
using labels::kReservationInterruptible;
using labels::kReservationType;
using labels::kZone;

bool has_wishes_of_company(const model::PodSpec& spec) {
  const auto& affinity = spec.affinity;
  const auto prefers = [](const auto& part) {
    return part && !part->preferredDuringSchedulingIgnoredDuringExecution.empty();
  };
  return (affinity && (prefers(affinity->podAffinity) || prefers(affinity->podAntiAffinity))) ||
         std::any_of(
             spec.topologySpreadConstraints.begin(), spec.topologySpreadConstraints.end(),
             [](const auto& spread) { return spread.whenUnsatisfiable == "ScheduleAnyway"; });
}

struct PodKind {  // pods that ask the same of nodes, whatever they are called
  std::vector<Requirements> alternatives;
  std::vector<model::Toleration> tolerations;
};

std::string key_of(const Requirements& asked) {
  std::string out;
  for (const auto& [key, r] : asked) {
    out += key + " " + std::string(r.op());
    for (const std::string& v : r.values) out += "," + v;
    out += fmt::format(" {} {};", r.gte ? fmt::to_string(*r.gte) : "",
                       r.lte ? fmt::to_string(*r.lte) : "");
  }
  return out;
}

std::string key_of(const PodKind& kind) {
  std::string out;
  for (const Requirements& each : kind.alternatives) out += key_of(each) + "|";
  for (const model::Toleration& t : kind.tolerations)
    out += t.key + "\x1f" + t.operator_ + "\x1f" + t.value + "\x1f" + t.effect + "\n";
  return out;
}

class Compiler {
 public:
  explicit Compiler(const ProvisionProblem& problem) : problem_(problem), topology_(problem) {}

  Compiled run();

 private:
  struct Variant {  // a pool's nodes that share the labels that matter
    std::uint32_t pool;
    Requirements requirements;
  };

  // DaemonSets whose pods come to the same types of a kind, and what they ask in all.
  struct DaemonSum {
    std::vector<Requirements> nodes;  // such nodes get them: the kind's requirements with theirs
    std::vector<std::int64_t> demand;
  };

  void name_dimensions();
  std::vector<std::int64_t> vector_of(const model::ResourceList& list) const;
  std::vector<std::int64_t> demand_of(const model::Pod& pod) const;
  std::set<std::string> split_keys(std::uint32_t pool) const;
  std::vector<Variant> variants(std::uint32_t pool, const std::set<std::string>& keys) const;
  bool allows_reservation(const Variant& variant, const ProviderType::Offering& offering) const;
  void add_reservation_labels(std::uint32_t pool, const ProviderType::Offering& offering,
                              Requirements& node) const;
  void add_kinds(const Variant& variant);
  void add_pool(std::uint32_t pool);
  std::shared_ptr<const Requirements> labels_of(const ProvisionNode& node) const;
  void add_nodes();
  void add_classes();
  void find_preferences();
  PackWish node_wish(const Requirements& asked) const;
  PackWish taint_wish(const model::Taint& taint) const;
  std::uint32_t preference(const std::string& what, std::int64_t weight);
  void add_wishes(std::uint32_t pod, const PodKind& kind, std::string key, PackClass each);
  bool suits(const PodKind& pod, const Requirements& node, const LabelSet& undefined) const;
  std::vector<std::vector<std::uint64_t>> offers_for(const PodKind& pod) const;
  std::vector<std::vector<std::uint64_t>> offers_for(const PodKind& pod, const std::string& key);
  std::vector<DaemonSum> daemons_of(std::uint32_t pool, const Requirements& kind) const;
  void add_offers();
  std::vector<std::uint32_t> ports_of(const model::PodSpec& spec);
  void keep_off_taken_ports(const model::PodSpec& spec, PackClass& out) const;

  const ProvisionProblem& problem_;
  TopologyCompiler topology_;
  Compiled out_;
  std::vector<NodePreference> preferred_;  // of any pod
  std::vector<model::Taint> unpopular_;    // PreferNoSchedule, of any pool or node
  std::map<std::string, std::size_t, std::less<>> dimension_;
  std::vector<Requirements> pool_requirements_;
  std::vector<Requirements> kind_requirements_;
  std::vector<std::shared_ptr<const Requirements>> node_labels_;
  std::vector<std::vector<std::string>> limit_names_;  // by pool
  std::map<std::string, std::uint32_t> reservations_;
  std::set<std::pair<std::int32_t, std::string>> wildcard_ports_;
  std::map<std::string, std::uint32_t> port_numbers_;
  std::vector<HostPortUsage> taken_ports_;  // by existing node
  OfferMemo::Made* made_ = nullptr;         // what the memo knows, or is to know
  bool wished_ = false;                     // some pod has preferences
  std::map<std::pair<std::string, std::int64_t>, std::uint32_t> preference_numbers_;
  std::map<std::string, PackWish> node_wishes_;
  std::map<std::string, std::uint32_t> wish_classes_;
};

void Compiler::name_dimensions() {
  std::set<std::string> names{"pods"};
  const auto take = [&](const auto& pods) {
    for (const auto& pod : pods)
      for (const auto& [name, quantity] : model::pod_requests(*pod))
        if (!quantity.is_zero()) names.insert(name);
  };
  take(problem_.pods);
  take(problem_.daemons);
  for (const std::string& name : names) {
    dimension_[name] = out_.dimensions.size();
    out_.dimensions.push_back(name);
  }
  out_.pack.dimensions = out_.dimensions.size();
  for (const auto& pod : problem_.pods)
    for (const HostPort& port : host_ports(*pod->spec))
      if (port.ip == "0.0.0.0" || port.ip == "::")
        wildcard_ports_.insert({port.port, port.protocol});
}

std::vector<std::int64_t> Compiler::vector_of(const model::ResourceList& list) const {
  std::vector<std::int64_t> out(out_.dimensions.size(), 0);
  for (const auto& [name, quantity] : list)
    if (const auto at = dimension_.find(name); at != dimension_.end())
      out[at->second] = amount(name, quantity);
  return out;
}

std::vector<std::int64_t> Compiler::demand_of(const model::Pod& pod) const {
  std::vector<std::int64_t> out = vector_of(model::pod_requests(pod));
  for (std::int64_t& each : out) each = std::max<std::int64_t>(each, 0);
  out[dimension_.find("pods")->second] = 1;
  return out;
}

// Labels of which a pool's nodes may have this value or that, and pods or topology rules care.
std::set<std::string> Compiler::split_keys(std::uint32_t pool) const {
  std::set<std::string> cared(topology_.keys().begin(), topology_.keys().end());
  for (const auto& pod : problem_.pods)
    for (const Requirements& each : node_alternatives(*pod->spec))
      for (const auto& [key, requirement] : each) cared.insert(key);
  for (const NodePreference& each : preferred_)
    for (const auto& [key, requirement] : each.asked) cared.insert(key);
  for (const std::string_view known : {kZone, kCapacityType, kReservationId, kReservationType,
                                       kReservationInterruptible, kNodePool, kHostnameLabel})
    cared.erase(std::string(known));
  const Requirements& base = pool_requirements_[pool];
  std::set<std::string> out;
  for (const std::string& key : cared) {
    const Requirement* set = base.find(key);
    if (set != nullptr && set->single() != nullptr) continue;
    bool typed = !problem_.pool_types[pool].empty(), one = true, topology = false;
    for (const std::uint32_t t : problem_.pool_types[pool]) {
      const Requirement* of_type = problem_.types[t].requirements.find(key);
      typed = typed && of_type != nullptr;
      one = one &&
            (of_type == nullptr || of_type->single() != nullptr || of_type->op() == "DoesNotExist");
    }
    for (const std::string& used : topology_.keys()) topology = topology || used == key;
    if (set == nullptr && !typed) continue;  // no node of the pool has it
    if (!typed || !one || topology) out.insert(key);
  }
  return out;
}

std::vector<Compiler::Variant> Compiler::variants(std::uint32_t pool,
                                                  const std::set<std::string>& keys) const {
  std::vector<Variant> all{{pool, pool_requirements_[pool]}};
  for (const std::string& key : keys) {
    std::set<std::string> values;  // those that anybody names
    const auto take = [&](const Requirements& from) {
      if (const Requirement* r = from.find(key)) values.insert(r->values.begin(), r->values.end());
    };
    for (const auto& pod : problem_.pods)
      for (const Requirements& each : node_alternatives(*pod->spec)) take(each);
    for (const NodePreference& each : preferred_) take(each.asked);
    for (const std::uint32_t t : problem_.pool_types[pool]) take(problem_.types[t].requirements);
    take(all.front().requirements);
    std::vector<Variant> split;
    for (const Variant& each : all) {
      const Requirement now = each.requirements.get(key);
      for (const std::string& value : values) {
        if (!now.has(value)) continue;
        split.push_back(each);
        split.back().requirements.add(Requirement::in(key, value));
      }
      if (now.complement) {  // some other value
        split.push_back(each);
        const std::vector<std::string> named(values.begin(), values.end());
        split.back().requirements.add(Requirement::make(key, "NotIn", named));
      }
    }
    constexpr std::size_t kMost = 64;
    if (split.empty() || split.size() > kMost) continue;
    all = std::move(split);
  }
  return all;
}

bool Compiler::suits(const PodKind& pod, const Requirements& node,
                     const LabelSet& undefined) const {
  return std::any_of(pod.alternatives.begin(), pod.alternatives.end(),
                     [&](const Requirements& r) { return node.is_compatible(r, undefined); });
}

// As comes_to() says of each type.
std::vector<Compiler::DaemonSum> Compiler::daemons_of(std::uint32_t pool,
                                                      const Requirements& kind) const {
  std::vector<DaemonSum> out;
  const std::vector<model::Taint> taints =
      hard_taints(problem_.pools[pool].spec.template_.spec.taints);
  for (const auto& daemon : problem_.daemons) {
    if (!untolerated(taints, daemon->spec->tolerations).empty()) continue;
    DaemonSum sum{{}, demand_of(*daemon)};
    for (const Requirements& each : node_alternatives(*daemon->spec)) {
      if (!kind.is_compatible(each, problem_.well_known)) continue;
      sum.nodes.push_back(kind);
      sum.nodes.back().add(each);
    }
    if (sum.nodes.empty()) continue;
    const auto alike = std::find_if(
        out.begin(), out.end(), [&](const DaemonSum& other) { return other.nodes == sum.nodes; });
    if (alike == out.end()) {
      out.push_back(std::move(sum));
      continue;
    }
    for (std::size_t r = 0; r < sum.demand.size(); ++r) alike->demand[r] += sum.demand[r];
  }
  return out;
}

void Compiler::add_pool(std::uint32_t pool) {
  const model::NodePool& each = problem_.pools[pool];
  Pool out;
  std::vector<std::string> names;
  for (const auto& [name, limit] : each.spec.limits) {
    names.push_back(name);
    out.limit.push_back(amount(name, limit) - limit_used(problem_, pool, name));
  }
  if (problem_.strict_min_values)
    for (const auto& [key, requirement] : pool_requirements_[pool]) {
      if (!requirement.min_values) continue;
      Pool::MinValues rule{*requirement.min_values, {}};
      std::map<std::string, std::uint32_t> numbers;
      for (const ProviderType& type : problem_.types) {
        const Requirement* value = type.requirements.find(key);
        const std::string* one = value == nullptr ? nullptr : value->single();
        rule.value_of_type.push_back(
            one == nullptr ? kNone
                           : numbers.try_emplace(*one, static_cast<std::uint32_t>(numbers.size()))
                                 .first->second);
      }
      out.min_values.push_back(std::move(rule));
    }
  limit_names_.push_back(std::move(names));
  out_.pack.pools.push_back(std::move(out));
}

// Whether what the pool asks of reservations is met. Node groups' nodes have no such labels.
bool Compiler::allows_reservation(const Variant& variant,
                                  const ProviderType::Offering& offering) const {
  if (node_group(problem_, variant.pool) != nullptr) return true;
  const auto labels = reservation_labels(offering);
  return std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
    const Requirement wanted = variant.requirements.get(label.first);
    return label.second.empty() ? wanted.allows_absence() || wanted.op() == "Exists"
                                : wanted.has(label.second);
  });
}

// A node without a reservation says so where its labels are known ones.
void Compiler::add_reservation_labels(std::uint32_t pool, const ProviderType::Offering& offering,
                                      Requirements& node) const {
  if (node_group(problem_, pool) != nullptr) return;
  for (const auto& [key, value] : reservation_labels(offering)) {
    if (!value.empty())
      node.add(Requirement::in(key, value));
    else if (problem_.well_known.contains(key))
      node.add(Requirement::make(key, "DoesNotExist", {}));
  }
}

// One node kind for each zone, market and reservation in which a variant's types are offered.
void Compiler::add_kinds(const Variant& variant) {
  std::map<std::tuple<std::string, std::string, std::string>, NodeKind> kinds;
  std::map<std::tuple<std::string, std::string, std::string>, Requirements> of_kind;
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<DaemonSum>> daemons;
  for (const std::uint32_t t : problem_.pool_types[variant.pool]) {
    const ProviderType& type = problem_.types[t];
    if (!type.requirements.intersects(variant.requirements)) continue;
    for (const ProviderType::Offering& offering : type.offerings) {
      if (!offering.available) continue;
      if (!variant.requirements.get(kZone).has(offering.zone) ||
          !variant.requirements.get(kCapacityType).has(offering.capacity_type))
        continue;
      if (!allows_reservation(variant, offering)) continue;
      const std::tuple key{offering.zone, offering.capacity_type, offering.reservation_id};
      Requirements& labels = of_kind[key];
      if (labels.size() == 0) {
        labels = variant.requirements;
        labels.add(Requirement::in(kZone, offering.zone));
        labels.add(Requirement::in(kCapacityType, offering.capacity_type));
        add_reservation_labels(variant.pool, offering, labels);
        daemons[key] = daemons_of(variant.pool, labels);
      }
      PackOffer offer;
      offer.price = offering.price;
      offer.type = t;
      offer.capacity = vector_of(type.allocatable);
      for (const DaemonSum& each : daemons[key])
        if (std::any_of(each.nodes.begin(), each.nodes.end(), [&](const Requirements& node) {
              return type.requirements.intersects(node);
            }))
          for (std::size_t r = 0; r < offer.capacity.size(); ++r)
            offer.capacity[r] -= each.demand[r];
      for (const std::string& name : limit_names_[variant.pool])
        offer.limit_use.push_back(limit_use(type, name));
      if (!offering.reservation_id.empty()) {
        const auto [at, fresh] = reservations_.try_emplace(
            offering.reservation_id, static_cast<std::uint32_t>(out_.pack.reservations.size()));
        if (fresh) out_.pack.reservations.push_back(offering.reservation_capacity);
        offer.reservation = at->second;
      }
      kinds[key].offers.push_back(std::move(offer));
    }
  }
  for (auto& [key, kind] : kinds) {
    kind.pool = variant.pool;
    std::stable_sort(kind.offers.begin(), kind.offers.end(),
                     [](const PackOffer& a, const PackOffer& b) { return a.price < b.price; });
    out_.pack.kinds.push_back(std::move(kind));
    out_.kinds.push_back({std::get<0>(key), std::get<1>(key), std::get<2>(key)});
    kind_requirements_.push_back(of_kind[key]);
  }
}

std::shared_ptr<const Requirements> Compiler::labels_of(const ProvisionNode& node) const {
  constexpr std::size_t kMost = 10'000;  // nodes come and go
  const auto made = [&] {
    return std::make_shared<const Requirements>(Requirements::from_labels(node.labels));
  };
  if (problem_.memo == nullptr) return made();
  auto& nodes = problem_.memo->nodes;
  if (nodes.size() > kMost) nodes.clear();
  OfferMemo::OfNode& known = nodes[node.name];
  if (known.requirements == nullptr || known.labels != node.labels) known = {node.labels, made()};
  return known.requirements;
}

void Compiler::add_nodes() {
  std::map<std::string, std::uint32_t> number;
  for (const ProvisionNode& node : problem_.nodes) {
    number[node.name] = static_cast<std::uint32_t>(out_.pack.existing.size());
    node_labels_.push_back(labels_of(node));
    out_.pack.existing.push_back(
        {vector_of(node.allocatable), topology_.domains_of(*node_labels_.back())});
  }
  taken_ports_.resize(problem_.nodes.size());
  // Running pods, and DaemonSet pods that are still to come.
  std::vector<std::vector<std::int64_t>> daemon_left(
      problem_.nodes.size(), std::vector<std::int64_t>(out_.dimensions.size(), 0));
  for (const auto& daemon : problem_.daemons) {
    const PodKind kind{node_alternatives(*daemon->spec), daemon->spec->tolerations};
    const std::vector<std::int64_t> needs = demand_of(*daemon);
    for (std::size_t n = 0; n < problem_.nodes.size(); ++n)
      if (untolerated(hard_taints(problem_.nodes[n].taints), kind.tolerations).empty() &&
          suits(kind, *node_labels_[n], {}))
        for (std::size_t r = 0; r < needs.size(); ++r) daemon_left[n][r] += needs[r];
  }
  for (const auto& pod : problem_.bound) {
    const auto at = number.find(pod->spec->nodeName);
    if (at == number.end() || is_finished(*pod)) continue;
    const std::vector<std::int64_t> needs = demand_of(*pod);
    if (std::vector<HostPort> ports = host_ports(*pod->spec); !ports.empty())
      taken_ports_[at->second].add(pod->metadata.namespace_ + "/" + pod->metadata.name,
                                   std::move(ports));
    const model::OwnerReference* owner = pod->metadata.controller();
    const bool daemon = owner != nullptr && owner->kind == "DaemonSet";
    for (std::size_t r = 0; r < needs.size(); ++r) {
      out_.pack.existing[at->second].capacity[r] -= needs[r];
      if (daemon)
        daemon_left[at->second][r] =
            std::max<std::int64_t>(0, daemon_left[at->second][r] - needs[r]);
    }
  }
  for (std::size_t n = 0; n < daemon_left.size(); ++n)
    for (std::size_t r = 0; r < daemon_left[n].size(); ++r)
      out_.pack.existing[n].capacity[r] -= daemon_left[n][r];
}

std::vector<std::vector<std::uint64_t>> Compiler::offers_for(const PodKind& pod) const {
  std::vector<std::vector<std::uint64_t>> out;
  for (std::size_t k = 0; k < out_.pack.kinds.size(); ++k) {
    const NodeKind& kind = out_.pack.kinds[k];
    out.emplace_back();
    const model::NodePool& pool = problem_.pools[kind.pool];
    if (!untolerated(hard_taints(pool.spec.template_.spec.taints), pod.tolerations).empty())
      continue;
    std::vector<std::uint64_t> bits((kind.offers.size() + 63) / 64, 0);
    bool any = false;
    for (const Requirements& each : pod.alternatives) {
      if (!kind_requirements_[k].is_compatible(each, problem_.well_known)) continue;
      Requirements both = kind_requirements_[k];
      both.add(each);
      for (const std::string_view key :
           {kReservationId, kReservationType, kReservationInterruptible})
        both.erase(key);  // a type names those of all its offerings
      for (std::size_t t = 0; t < kind.offers.size(); ++t)
        if (problem_.types[kind.offers[t].type].requirements.intersects(both)) {
          bits[t / 64] |= std::uint64_t{1} << (t % 64);
          any = true;
        }
    }
    if (any) out.back() = std::move(bits);
  }
  return out;
}

// `key`: as key_of() says.
std::vector<std::vector<std::uint64_t>> Compiler::offers_for(const PodKind& pod,
                                                             const std::string& key) {
  if (made_ == nullptr) return offers_for(pod);
  const auto known = made_->offers.find(key);
  if (known != made_->offers.end()) return known->second;
  return made_->offers.emplace(key, offers_for(pod)).first->second;
}

std::vector<std::uint32_t> Compiler::ports_of(const model::PodSpec& spec) {
  std::vector<std::uint32_t> out;
  for (const HostPort& port : host_ports(spec)) {
    const bool every = wildcard_ports_.contains({port.port, port.protocol});
    const std::string name =
        fmt::format("{}/{}/{}", every ? "" : port.ip, port.port, port.protocol);
    const auto number =
        port_numbers_.try_emplace(name, static_cast<std::uint32_t>(port_numbers_.size()));
    out.push_back(number.first->second);
  }
  return out;
}

// What runs on a node keeps its host ports.
void Compiler::keep_off_taken_ports(const model::PodSpec& spec, PackClass& out) const {
  const std::vector<HostPort> wanted = host_ports(spec);
  for (std::size_t n = 0; n < taken_ports_.size() && !wanted.empty(); ++n)
    if (!taken_ports_[n].conflict("", wanted).empty()) out.existing[n] = false;
}

void Compiler::add_classes() {
  std::map<std::string, std::pair<std::vector<std::vector<std::uint64_t>>, std::vector<bool>>>
      places;  // by what is asked of nodes
  std::map<std::string, std::uint32_t> known;
  for (std::uint32_t i = 0; i < problem_.pods.size(); ++i) {
    const model::Pod& pod = *problem_.pods[i];
    const PodKind kind{node_alternatives(*pod.spec), pod.spec->tolerations};
    const std::string place_key = key_of(kind);
    auto place = places.find(place_key);
    if (place == places.end()) {
      std::vector<bool> existing;
      for (std::size_t n = 0; n < problem_.nodes.size(); ++n)
        existing.push_back(
            untolerated(hard_taints(problem_.nodes[n].taints), kind.tolerations).empty() &&
            suits(kind, *node_labels_[n], {}));
      place = places.emplace(place_key, std::pair{offers_for(kind, place_key), std::move(existing)})
                  .first;
    }
    PackClass each;
    each.demand = demand_of(pod);
    each.offers = place->second.first;
    each.existing = place->second.second;
    for (std::size_t n = 0; n < each.existing.size(); ++n)
      each.existing[n] = each.existing[n] && fits(each.demand, out_.pack.existing[n].capacity);
    each.ports = ports_of(*pod.spec);
    keep_off_taken_ports(*pod.spec, each);
    topology_.rules_of(pod, kind.alternatives, each);
    std::string key = place_key;
    for (const std::int64_t d : each.demand) key += fmt::format(" {}", d);
    for (const std::uint32_t p : each.ports) key += fmt::format(" p{}", p);
    for (std::size_t n = 0; n < each.existing.size() && !each.ports.empty(); ++n)
      key += each.existing[n] ? '+' : '-';
    for (const std::uint32_t g : each.counted_in) key += fmt::format(" g{}", g);
    for (const TopologyRule& r : each.rules)
      key += fmt::format(" r{},{},{},{},{},{}", static_cast<int>(r.kind), r.group, r.counts_itself,
                         r.max_skew, r.min_domains, fmt::join(r.domains, "."));
    if (wished_) add_wishes(i, kind, key, each);
    const auto [at, fresh] =
        known.try_emplace(key, static_cast<std::uint32_t>(out_.pack.classes.size()));
    if (fresh) {
      each.count = 0;
      out_.pack.classes.push_back(std::move(each));
      out_.pods_of_class.emplace_back();
    }
    ++out_.pack.classes[at->second].count;
    out_.pods_of_class[at->second].push_back(i);
  }
}

void Compiler::find_preferences() {
  if (!problem_.preferences) return;
  const auto take = [&](const std::vector<model::Taint>& taints) {
    for (const model::Taint& taint : taints)
      if (taint.effect == "PreferNoSchedule" &&
          std::none_of(unpopular_.begin(), unpopular_.end(),
                       [&](const auto& known) { return text(known) == text(taint); }))
        unpopular_.push_back(taint);
  };
  for (const model::NodePool& pool : problem_.pools) take(pool.spec.template_.spec.taints);
  for (const ProvisionNode& node : problem_.nodes) take(node.taints);
  wished_ = !unpopular_.empty();
  for (const auto& pod : problem_.pods) {
    for (NodePreference& each : node_preferences(*pod->spec))
      if (std::none_of(preferred_.begin(), preferred_.end(),
                       [&](const auto& known) { return known.asked == each.asked; }))
        preferred_.push_back(std::move(each));
    wished_ = wished_ || has_wishes_of_company(*pod->spec);
  }
  wished_ = wished_ || !preferred_.empty();
}

PackWish Compiler::node_wish(const Requirements& asked) const {
  const PodKind anywhere{{asked}, {{"", "Exists", "", "", {}}}};
  PackWish wish;
  wish.offers = offers_for(anywhere);
  for (const auto& labels : node_labels_) wish.existing.push_back(labels->is_compatible(asked));
  return wish;
}

PackWish Compiler::taint_wish(const model::Taint& taint) const {
  const auto without = [&](const std::vector<model::Taint>& taints) {
    return std::none_of(taints.begin(), taints.end(),
                        [&](const auto& each) { return text(each) == text(taint); });
  };
  PackWish wish;
  for (const NodeKind& kind : out_.pack.kinds)
    wish.offers.emplace_back(without(problem_.pools[kind.pool].spec.template_.spec.taints)
                                 ? (kind.offers.size() + 63) / 64
                                 : 0,
                             ~std::uint64_t{0});
  for (const ProvisionNode& node : problem_.nodes) wish.existing.push_back(without(node.taints));
  return wish;
}

std::uint32_t Compiler::preference(const std::string& what, std::int64_t weight) {
  const auto [at, fresh] = preference_numbers_.try_emplace(
      {what, weight}, static_cast<std::uint32_t>(out_.preferences.size()));
  if (fresh) out_.preferences.emplace_back(what, weight);
  return at->second;
}

// The pod's class among those that wishes tell apart.
void Compiler::add_wishes(std::uint32_t i, const PodKind& kind, std::string key, PackClass each) {
  const model::Pod& pod = *problem_.pods[i];
  std::vector<PackWish> wishes;
  const auto add = [&](const std::string& what, std::int64_t weight, PackWish wish) {
    wish.preference = preference(what, weight);
    wish.weight = weight;
    key += fmt::format(" w{}", wish.preference);
    wishes.push_back(std::move(wish));
  };
  for (const NodePreference& wanted : node_preferences(*pod.spec)) {
    const std::string what = "nodes with " + wanted.asked.text();
    auto known = node_wishes_.find(what);
    if (known == node_wishes_.end())
      known = node_wishes_.emplace(what, node_wish(wanted.asked)).first;
    add(what, wanted.weight, known->second);
  }
  for (const model::Taint& taint : unpopular_)
    if (!untolerated(std::span(&taint, 1), pod.spec->tolerations).empty())
      add("nodes without the taint " + text(taint), kUnweighted, taint_wish(taint));
  for (TopologyCompiler::Wish& wanted : topology_.wishes_of(pod, kind.alternatives, each)) {
    const TopologyRule& rule = wanted.rule;
    key += fmt::format(" {},{},{}", rule.group, rule.counts_itself, fmt::join(rule.domains, "."));
    PackWish wish;
    wish.rule = std::move(wanted.rule);
    add(wanted.what, wanted.weight, std::move(wish));
  }
  for (const std::uint32_t g : each.counted_in) key += fmt::format(" g{}", g);
  std::vector<PackClass>& classes = out_.wishes.pack.classes;
  const auto [at, fresh] =
      wish_classes_.try_emplace(key, static_cast<std::uint32_t>(classes.size()));
  if (fresh) {
    each.count = 0;
    classes.push_back(std::move(each));
    out_.wishes.wishes.push_back(std::move(wishes));
    out_.pods_of_wish_class.emplace_back();
  }
  ++classes[at->second].count;
  out_.pods_of_wish_class[at->second].push_back(i);
}

// Node kinds of all pools: those that the memo knows, with the domains of this problem.
void Compiler::add_offers() {
  std::vector<Variant> all;
  std::string key = fmt::format("{}", fmt::join(out_.dimensions, " "));
  for (std::uint32_t pool = 0; pool < problem_.pools.size(); ++pool) {
    add_pool(pool);
    if (problem_.pools[pool].spec.replicas) continue;  // pods do not decide how many nodes it has
    for (Variant& variant : variants(pool, split_keys(pool))) {
      key += fmt::format("\n{} {}", pool, key_of(variant.requirements));
      all.push_back(std::move(variant));
    }
  }
  if (problem_.memo != nullptr) made_ = &problem_.memo->of(key);
  if (made_ == nullptr || made_->kinds.empty()) {
    for (const Variant& variant : all) add_kinds(variant);
    if (made_ != nullptr)
      *made_ = {out_.pack.kinds, out_.kinds, kind_requirements_, out_.pack.reservations, {}};
  } else {
    out_.pack.kinds = made_->kinds;
    out_.kinds = made_->names;
    kind_requirements_ = made_->requirements;
    out_.pack.reservations = made_->reservations;
  }
  for (std::size_t k = 0; k < out_.pack.kinds.size(); ++k)
    out_.pack.kinds[k].domains = topology_.domains_of(kind_requirements_[k]);
}

Compiled Compiler::run() {
  name_dimensions();
  find_preferences();
  for (const model::NodePool& pool : problem_.pools)
    pool_requirements_.push_back(template_requirements(pool));
  add_offers();
  add_nodes();
  add_classes();
  topology_.finish(out_.pack, false);
  if (wished_) {
    out_.wishes.preferences = static_cast<std::uint32_t>(out_.preferences.size());
    PackProblem same = out_.pack;  // but for classes and groups
    same.classes = std::move(out_.wishes.pack.classes);
    same.groups.clear();
    topology_.finish(same, true);
    out_.wishes.pack = std::move(same);
  }
  return std::move(out_);
}

}  // namespace

Compiled compile(const ProvisionProblem& problem) {
  return Compiler(problem).run();
}

}  // namespace gputide::provisioning
