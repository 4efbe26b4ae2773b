// The catalogue: every EC2 instance type and what it costs, before anything is launched.
// Built-in facts (data/README.md says whence), replaced by what AWS told the user where that is
// given.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "decide/pricing/price.h"
#include "model/aws.h"
#include "model/instance_type.h"

namespace gputide::pricing {

/// A type to use instead of one that is gone.
struct Replacement {
  const model::InstanceType* type = nullptr;
  Price price;               // on-demand, in the asked region
  bool less_memory = false;  // less main memory than the old type had
  bool fewer_vcpus = false;
};

/// What AWS told that a spot instance costs in a zone.
struct SpotQuote {
  std::string zone;
  std::string type;
  Money per_hour;
};

/// A Catalogue never changes. Its instance types live as long as it or a copy made from it; those
/// of the built-in one for ever.
class Catalogue {
 public:
  static const Catalogue& builtin();

  /// In byte order of the names.
  std::span<const model::InstanceType> all() const;
  /// nullptr: no such type.
  const model::InstanceType* find(std::string_view type) const;
  /// As find; the error names the nearest types.
  Result<const model::InstanceType*> get(std::string_view type) const;

  /// Regions of which prices are known, in byte order.
  std::vector<std::string_view> regions() const;

  /// On-demand, an hour, Linux, shared tenancy. Absent: not known there.
  std::optional<Price> on_demand(std::string_view region, std::string_view type) const;
  /// Spot in a zone: what AWS told for the zone; else the average that the Spot Instance Advisor
  /// saw in the region, never above on-demand. `zone` may be empty: then the cheapest zone that was
  /// told.
  std::optional<Price> spot(std::string_view region, std::string_view zone,
                            std::string_view type) const;

  /// The price an hour. Errors: unknown type or region (with the nearest names), or no price known
  /// there.
  Result<Money> price(std::string_view region, std::string_view type, model::Market market) const;
  Result<Money> spot_price(std::string_view region, std::string_view zone,
                           std::string_view type) const;

  /// How often spot instances of the type are interrupted in a month: 0 below 5 %, 1 to 10 %, 2 to
  /// 15 %, 3 to 20 %, 4 above. Absent: the Spot Instance Advisor does not name the type in the
  /// region.
  std::optional<int> interruption_class(std::string_view region, std::string_view type) const;

  /// Whether AWS sells the type in the region, as far as the facts tell: it is not retired, has a
  /// price there (one of spot that AWS told is enough), and where that price is only inferred the
  /// Spot Instance Advisor does not name the type elsewhere alone.
  bool offered(std::string_view region, std::string_view type) const;

  /// Types offered in the region that can stand in for `type`, cheapest first (bare metal last), at
  /// most `limit`. For GPU types: as many GPUs of the same maker with at least its GPU memory for
  /// at most a quarter more money; if there are none, at any price; if there are none, as much GPU
  /// memory in all. Else: the same architecture with at least the vCPUs and memory. Empty for an
  /// unknown type.
  std::vector<Replacement> replacements(std::string_view region, std::string_view type,
                                        std::size_t limit = 5) const;

  /// The catalogue in which `type` costs `per_hour` on demand in `region`: a price that the user or
  /// AWS told.
  Catalogue with_on_demand(std::string region, std::string type, Money per_hour) const;
  /// As above, spot, in one zone.
  Catalogue with_spot(std::string zone, std::string type, Money per_hour) const;
  Catalogue with_spot(std::span<const SpotQuote> quotes) const;
  /// The catalogue in which these types are added, or take the place of those of their names: what
  /// AWS told of them. Prices stay.
  Catalogue with_types(std::shared_ptr<const model::InstanceTypeList> types) const;

 private:
  Catalogue() = default;
  std::string unknown_type(std::string_view type) const;
  std::string no_price(std::string_view region, std::string_view type,
                       std::string_view market) const;

  std::map<std::pair<std::string, std::string>, Money, std::less<>>
      given_on_demand_;  // region, type
  std::map<std::string, std::map<std::string, Money>, std::less<>>
      given_spot_;  // type -> zone -> price
  std::vector<std::shared_ptr<const model::InstanceTypeList>> given_types_;  // the texts' owners
  std::shared_ptr<const std::vector<model::InstanceType>> merged_;  // with them; else the tables'
};

/// "us-west-2" of "us-west-2a", of "us-west-2-lax-1a" and of "us-west-2-wl1-las-wlz-1".
std::string_view region_of_zone(std::string_view zone);

}  // namespace gputide::pricing
