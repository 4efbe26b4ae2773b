#include "decide/scheduling/tolerations.h"

#include "tests/golden/golden.h"

namespace gputide::golden {
namespace {

using scheduling::Effects;

struct Given {
  std::vector<model::Taint> taints;
  std::vector<model::Toleration> tolerations;
};

bool same(const model::Taint& a, const model::Taint& b) {
  return a.key == b.key && a.value == b.value && a.effect == b.effect;
}

/// Upstream names the taint by value: the index is that of the first equal one.
Value untolerated(const Given& given, Effects effects) {
  const model::Taint* taint =
      scheduling::untolerated_taint(given.taints, given.tolerations, effects);
  if (taint == nullptr) return Value::Map{{"untolerated", false, {}}};
  std::int64_t index = 0;
  while (!same(given.taints[static_cast<std::size_t>(index)], *taint)) ++index;
  return Value::Map{{"untolerated", true, {}}, {"taintIndex", index, {}}};
}

Value tolerations_answer(const Given& given, const Value& expected) {
  Value::List matrix;
  for (const model::Taint& taint : given.taints) {
    Value::List row;
    for (const model::Toleration& toleration : given.tolerations)
      row.emplace_back(scheduling::tolerates(toleration, taint));
    matrix.emplace_back(std::move(row));
  }
  const auto [indices, all] = scheduling::matching_tolerations(given.taints, given.tolerations);
  Value::List listed;
  for (const std::size_t index : indices) listed.emplace_back(static_cast<std::int64_t>(index));
  return Value::Map{
      {"all", untolerated(given, Effects::All), {}},
      {"doNotSchedule", untolerated(given, Effects::DoNotSchedule), {}},
      {"noExecute", untolerated(given, Effects::NoExecute), {}},
      {"preferNoSchedule", untolerated(given, Effects::PreferNoSchedule), {}},
      {"toleratesMatrix", std::move(matrix), {}},
      {"getMatchingTolerations",
       Value::Map{{"allTolerated", all, {}}, {"tolerationIndexPerTaint", std::move(listed), {}}},
       {}},
      // Says only which inputs a real cluster could hold.
      {"apiValidationErrors", need(expected, "apiValidationErrors"), {}}};
}

void check_tolerations(std::span<const Value> cases, Report& report) {
  for (const Value& each : cases) {
    const Given given{read_all<model::Taint>(each.find("taints")),
                      read_all<model::Toleration>(each.find("tolerations"))};
    const Value& expected = need(each, "expect");
    report.compare(id_of(each), tolerations_answer(given, expected), expected);
  }
}

const Register kTolerations("tolerations", check_tolerations);

}  // namespace
}  // namespace gputide::golden
