// Capacity reservations: the terms by which EC2NodeClasses select them, and NodePools that buy of
// them.
#include <algorithm>
#include <vector>

#include <fmt/core.h>

#include "base/text.h"
#include "decide/checking/checks.h"
#include "decide/provisioning/requirements.h"
#include "model/labels.h"

namespace gputide::checking {
namespace {

using Term = model::CapacityReservationSelectorTerm;

using labels::kCapacityType;

constexpr std::size_t kMostTerms = 30, kMostTags = 20;

struct ReservingPool {
  const model::Object* object;
  std::string class_name;
  bool reserved = false;  // its requirements allow reserved capacity
  bool others = false;    // they allow spot or on-demand capacity
  std::size_t at = 0;     // which requirement says so; past the end: none
};

template <class NodePool>
ReservingPool pool_of(const model::Object& object, const NodePool& pool) {
  const auto& node = pool.spec.template_.spec;
  ReservingPool told{&object, node.nodeClassRef.name};
  const auto asked =
      provisioning::Requirements::from_node_pool(node.requirements).get(kCapacityType);
  told.reserved = asked.has("reserved");
  told.others = asked.has("spot") || asked.has("on-demand");
  while (told.at < node.requirements.size() && node.requirements[told.at].key != kCapacityType)
    ++told.at;
  return told;
}

std::vector<ReservingPool> pools_of(const World& world) {
  std::vector<ReservingPool> pools;
  for (const model::Object* object : world.objects) {
    if (const auto* pool = object->as<model::NodePool>()) pools.push_back(pool_of(*object, *pool));
    if (const auto* beta = object->as<model::v1beta1::NodePool>())
      pools.push_back(pool_of(*object, *beta));
  }
  return pools;
}

bool all_of(std::string_view text, std::string_view letters) {
  return !text.empty() && text.find_first_not_of(letters) == std::string_view::npos;
}

bool is_reservation_id(std::string_view id) {
  return id.starts_with("cr-") && all_of(id.substr(3), "0123456789abcdefghijklmnopqrstuvwxyz");
}

bool is_account(std::string_view id) {
  return id.size() == 12 && all_of(id, "0123456789");
}

void check_values(const Term& term, const Place& place, Findings& findings) {
  if (!term.id.empty() && !is_reservation_id(term.id))
    findings.error(place["id"],
                   {"bad-nodeclass", fmt::format("{} is no capacity reservation", quote(term.id)),
                    "write cr- and what follows in small letters and digits"});
  if (!term.ownerID.empty() && !is_account(term.ownerID))
    findings.error(place["ownerID"],
                   {"bad-nodeclass", fmt::format("{} is no AWS account", quote(term.ownerID)),
                    "write its twelve digits, in quotes"});
  const std::string& criteria = term.instanceMatchCriteria;
  if (!criteria.empty() && criteria != "open" && criteria != "targeted")
    findings.error(
        place["instanceMatchCriteria"],
        {"bad-nodeclass", fmt::format("there are no instance match criteria {}", quote(criteria)),
         "write open or targeted"});
  if (term.tags.size() > kMostTags)
    findings.error(
        place["tags"],
        {"bad-nodeclass", fmt::format("{} tags are more than {}", term.tags.size(), kMostTags),
         "name fewer"});
  for (const auto& [key, value] : term.tags)
    if (key.empty() || value.empty())
      findings.error(place["tags"][key], {"bad-nodeclass", "a tag has no key or no value",
                                          "write both; the value \"*\" stands for any"});
}

void check_term(const Term& term, const Place& place, Findings& findings) {
  const bool others =
      !term.tags.empty() || !term.ownerID.empty() || !term.instanceMatchCriteria.empty();
  if (!term.id.empty() && others)
    findings.error(
        place, {"bad-nodeclass", "a term with id has nothing beside it", "remove the rest, or id"});
  if (term.id.empty() && term.tags.empty() && term.instanceMatchCriteria.empty())
    findings.error(place, {"bad-nodeclass", "a term needs id, tags or instanceMatchCriteria",
                           "name one of them"});
  check_values(term, place, findings);
}

void check_class(const Context& context, const model::Object& object,
                 const std::vector<Term>& terms, const std::vector<ReservingPool>& pools) {
  const Place place = Place(object)["spec"]["capacityReservationSelectorTerms"];
  if (terms.size() > kMostTerms)
    context.findings.error(
        place, place.key(),
        {"bad-nodeclass", fmt::format("{} terms are more than {}", terms.size(), kMostTerms),
         "select by tags"});
  for (std::size_t i = 0; i < terms.size(); ++i) check_term(terms[i], place[i], context.findings);
  bool used = false, allowed = false;
  for (const ReservingPool& pool : pools) {
    if (pool.class_name != object.metadata.name) continue;
    used = true;
    allowed = allowed || pool.reserved;
  }
  if (used && !allowed)
    context.findings.warning(
        place, place.key(),
        {"reservations-unused",
         fmt::format("no NodePool of EC2NodeClass {} allows the capacity type reserved: what is "
                     "reserved is paid for and not used",
                     object.metadata.name),
         fmt::format("add reserved to {} of a NodePool", kCapacityType)});
}

// A pool that takes nothing but reservations, of a class that selects none.
void check_reserving(const Context& context, const ReservingPool& pool) {
  if (!pool.reserved || pool.others) return;
  for (const model::Object* object : context.world.objects) {
    const auto* node_class = object->as<model::EC2NodeClass>();
    if (node_class == nullptr || node_class->metadata.name != pool.class_name) continue;
    if (!node_class->spec.capacityReservationSelectorTerms.empty()) return;
    context.findings.warning(
        Place(*pool.object)["spec"]["template"]["spec"]["requirements"][pool.at],
        {"reservations-unused",
         fmt::format("NodePool {} buys only of capacity reservations, and its EC2NodeClass {} "
                     "selects none",
                     pool.object->metadata.name, pool.class_name),
         "write capacityReservationSelectorTerms in the EC2NodeClass, or allow spot or on-demand"});
  }
}

}  // namespace

void check_capacity_reservations(const Context& context) {
  const std::vector<ReservingPool> pools = pools_of(context.world);
  for (const model::Object* object : context.world.objects)
    if (const auto* node_class = object->as<model::EC2NodeClass>())
      if (const auto& terms = node_class->spec.capacityReservationSelectorTerms; !terms.empty())
        check_class(context, *object, terms, pools);
  for (const ReservingPool& pool : pools) check_reserving(context, pool);
}

}  // namespace gputide::checking
