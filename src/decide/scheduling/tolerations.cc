#include "decide/scheduling/tolerations.h"

#include <algorithm>

namespace gputide::scheduling {
namespace {

bool among(const std::string& effect, Effects effects) {
  if (effects == Effects::All) return true;
  const auto wanted = static_cast<unsigned>(effects);
  const auto has = [&](Effects one) { return (wanted & static_cast<unsigned>(one)) != 0; };
  return (effect == "NoSchedule" && has(Effects::NoSchedule)) ||
         (effect == "NoExecute" && has(Effects::NoExecute)) ||
         (effect == "PreferNoSchedule" && has(Effects::PreferNoSchedule));
}

}  // namespace

bool tolerates(const model::Toleration& toleration, const model::Taint& taint) {
  if (!toleration.effect.empty() && toleration.effect != taint.effect) return false;
  if (!toleration.key.empty() && toleration.key != taint.key) return false;
  if (toleration.operator_ == "Exists") return true;
  return (toleration.operator_.empty() || toleration.operator_ == "Equal") &&
         toleration.value == taint.value;
}

bool tolerates(std::span<const model::Toleration> tolerations, const model::Taint& taint) {
  return std::any_of(tolerations.begin(), tolerations.end(),
                     [&](const model::Toleration& each) { return tolerates(each, taint); });
}

const model::Taint* untolerated_taint(std::span<const model::Taint> taints,
                                      std::span<const model::Toleration> tolerations,
                                      Effects effects) {
  for (const model::Taint& taint : taints)
    if (among(taint.effect, effects) && !tolerates(tolerations, taint)) return &taint;
  return nullptr;
}

std::int64_t intolerable_preferences(std::span<const model::Taint> taints,
                                     std::span<const model::Toleration> tolerations) {
  // A toleration of another effect cannot cover such a taint, so none need be left out here.
  return std::count_if(taints.begin(), taints.end(), [&](const model::Taint& taint) {
    return taint.effect == "PreferNoSchedule" && !tolerates(tolerations, taint);
  });
}

std::pair<std::vector<std::size_t>, bool> matching_tolerations(
    std::span<const model::Taint> taints, std::span<const model::Toleration> tolerations) {
  std::vector<std::size_t> out;
  for (const model::Taint& taint : taints) {
    const auto at =
        std::find_if(tolerations.begin(), tolerations.end(),
                     [&](const model::Toleration& each) { return tolerates(each, taint); });
    if (at == tolerations.end()) return {{}, false};
    out.push_back(static_cast<std::size_t>(at - tolerations.begin()));
  }
  return {std::move(out), true};
}

}  // namespace gputide::scheduling
