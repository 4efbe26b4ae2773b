#include "decide/scaling/requests.h"

#include <algorithm>

#include <fmt/core.h>

#include "base/text.h"
#include "decide/scaling/pods.h"
#include "model/conditions.h"
#include "model/pod_defaults.h"

namespace gputide::scaling {
namespace {

constexpr Duration kWeek = Duration::hours(7 * 24);
constexpr Duration kFixedRetry = Duration::minutes(10);
constexpr std::size_t kMostEnded = 20;  // in a loop
constexpr const char* kClassAnnotation = "autoscaling.x-k8s.io/provisioning-class-name";

const model::RequestCondition* condition(const model::ProvisioningRequest& request,
                                         std::string_view type) {
  return model::find_condition(request.status.conditions, type);
}

bool holds(const model::ProvisioningRequest& request, std::string_view type) {
  const model::RequestCondition* found = condition(request, type);
  return found != nullptr && found->status == "True";
}

bool is_booked(const model::ProvisioningRequest& request) {
  return holds(request, "Provisioned") && !holds(request, "Failed") &&
         !holds(request, "BookingExpired");
}

Instant since(const model::RequestCondition& condition) {
  return condition.lastTransitionTime.value_or(Instant());
}

// Longer ago than `time`.
bool is_over(Instant from, Duration time, Instant now) {
  return from + time < now;
}

// Upstream's own rule: the time moves at every write, so that a retry waits from the last try.
void set_condition(model::ProvisioningRequest& request, model::RequestCondition now) {
  condition_of(request.status.conditions, now.type) = std::move(now);
}

model::RequestCondition no_capacity(Instant now) {
  return {"Provisioned",
          "False",
          "CapacityIsNotFound",
          "Capacity is not found, CA will try to find it later.",
          now,
          {}};
}

PodRef pod_of(const model::ProvisioningRequest& request, const model::PodTemplateSpec& from,
              std::size_t set, std::int32_t number) {
  auto pod = std::make_shared<model::Pod>();
  model::ObjectMeta& meta = pod->metadata;
  meta.name = fmt::format("{}-{}-{}", request.metadata.name, set, number);
  meta.namespace_ = request.metadata.namespace_;
  meta.uid = meta.namespace_ + "/" + meta.name;
  meta.creationTimestamp = request.metadata.creationTimestamp;
  meta.labels = from.metadata.labels;
  meta.annotations = from.metadata.annotations;
  meta.annotations[model::kConsumeRequest] = request.metadata.name;
  meta.annotations[kClassAnnotation] = request.spec.provisioningClassName;
  meta.ownerReferences.push_back({"autoscaling.x-k8s.io/v1",
                                  "ProvisioningRequest",
                                  request.metadata.name,
                                  request.metadata.uid,
                                  true,
                                  {}});
  pod->spec = from.spec;
  pod->status.phase = "Pending";
  return pod;
}

std::vector<PodRef> pods_of(const RequestView& view, const model::ProvisioningRequest& request) {
  std::vector<PodRef> pods;
  for (std::size_t i = 0; i < view.templates.size(); ++i) {
    model::PodTemplateSpec from = view.templates[i]->template_;
    model::default_requests(from.spec.edit());
    for (std::int32_t j = 0; j < request.spec.podSets[i].count; ++j)
      pods.push_back(pod_of(request, from, i, j));
  }
  return pods;
}

// "" when there is a template for every pod set.
std::string missing_templates(const RequestView& view, const model::ProvisioningRequest& request) {
  std::vector<std::string> missing;
  for (std::size_t i = 0; i < view.templates.size(); ++i)
    if (view.templates[i] == nullptr)
      missing.push_back(request.spec.podSets[i].podTemplateRef.name);
  if (missing.empty()) return {};
  return fmt::format(
      "missing pod templates, {} pod templates were referenced, {} templates were missing: {}",
      view.templates.size(), missing.size(), join(missing, ","));
}

std::string minutes_text(Duration time) {
  const std::int64_t seconds = time.whole_seconds();
  return seconds % 60 == 0 ? fmt::format("{} min", seconds / 60) : time.text();
}

std::string count_of(std::size_t pods) {
  return fmt::format("{} {}", pods, pods == 1 ? "pod" : "pods");
}

}  // namespace

const std::string* consumed_request(const model::Pod& pod) {
  const std::string* name = annotation(pod, model::kConsumeRequest);
  return name != nullptr ? name : annotation(pod, model::kConsumeRequestOld);
}

RequestRef without_capacity(const model::ProvisioningRequest& request, Instant now) {
  auto changed = std::make_shared<model::ProvisioningRequest>(request);
  set_condition(*changed, no_capacity(now));
  return changed;
}

ProvisioningRequests::ProvisioningRequests(const Options& options)
    : options_(options), backs_off_(options.semantics().requests_back_off) {}

bool ProvisioningRequests::checks_capacity(const model::ProvisioningRequest& request) const {
  const std::string& name = request.spec.provisioningClassName;
  if (!backs_off_) return name == model::kCheckCapacityClass;
  const std::string& mine = options_.check_capacity_processor_instance;
  const auto named = request.spec.parameters.find("processorInstance");
  if (named != request.spec.parameters.end() && !named->second.empty())
    return named->second == mine && name == model::kCheckCapacityClass;
  return name.size() == mine.size() + model::kCheckCapacityClass.size() && name.starts_with(mine) &&
         name.ends_with(model::kCheckCapacityClass);
}

bool ProvisioningRequests::supported(const model::ProvisioningRequest& request) const {
  if (request.spec.provisioningClassName == model::kBestEffortAtomicClass)
    return options_.check_capacity_processor_instance.empty();
  return checks_capacity(request);
}

bool ProvisioningRequests::batches() const {
  return backs_off_ && options_.check_capacity_batch_processing &&
         options_.check_capacity_provisioning_request_max_batch_size > 1;
}

void ProvisioningRequests::begin(const Observation& seen, Instant now) {
  now_ = now;
  entries_.clear();
  events_.clear();
  for (const RequestView& view : seen.requests)
    entries_.push_back({&view, view.request, false, false});
  if (entries_.empty() && made_.empty()) return;
  std::erase_if(made_, [&](const auto& made) {
    return std::none_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
      return entry.request->metadata.uid == made.first;
    });
  });
  end_bookings();
  if (backs_off_) drop_old();
}

void ProvisioningRequests::end_bookings() {
  std::size_t ended = 0;
  for (Entry& entry : entries_) {
    const model::ProvisioningRequest& request = *entry.request;
    if (ended >= kMostEnded) break;
    if (!supported(request) || holds(request, "BookingExpired") || holds(request, "Failed"))
      continue;
    const model::RequestCondition* provisioned = condition(request, "Provisioned");
    if (provisioned != nullptr && provisioned->status == "True") {
      if (!is_over(since(*provisioned), kBookingTime, now_)) continue;
      const std::string message = "Capacity reservation time is expired";
      set(entry, "BookingExpired", true, "CapacityReservationTimeExpired", message);
      tell(entry, false, "CapacityReservationTimeExpired",
           message + ": nothing is kept for its pods any more");
      freed_ = now_;
    } else {
      const Instant created = request.metadata.creationTimestamp.value_or(Instant());
      if (!is_over(created, kWeek, now_)) continue;
      set(entry, "Failed", true, "Expired", "ProvisioningRequest is expired");
      tell(entry, true, "Expired", "ProvisioningRequest is expired: it is a week old");
    }
    ++ended;
  }
}

void ProvisioningRequests::drop_old() {
  for (Entry& entry : entries_)
    for (const char* type : {"Provisioned", "Failed"}) {
      const model::RequestCondition* found = condition(*entry.request, type);
      entry.gone = entry.gone || (found != nullptr && is_over(since(*found), kWeek, now_));
    }
}

// How long after a try that found nothing the next one comes.
Duration ProvisioningRequests::retry_time(const model::ProvisioningRequest& request) const {
  if (!backs_off_) return kFixedRetry;
  for (const auto& [uid, time] : backoffs_)
    if (uid == request.metadata.uid) return time;
  return options_.provisioning_request_initial_backoff_time;
}

void ProvisioningRequests::forget_backoff(const std::string& uid) {
  std::erase_if(backoffs_, [&](const auto& known) { return known.first == uid; });
}

// The cache is full: what was not asked for the longest is forgotten.
void ProvisioningRequests::set_backoff(const std::string& uid, Duration time) {
  forget_backoff(uid);
  backoffs_.emplace_back(uid, time);
  const std::int64_t most = options_.provisioning_request_max_backoff_cache_size;
  if (most > 0 && static_cast<std::int64_t>(backoffs_.size()) > most)
    backoffs_.erase(backoffs_.begin());
}

// To be asked once a try: the next time is further away.
bool ProvisioningRequests::may_be_tried(const Entry& entry) {
  const model::ProvisioningRequest& request = *entry.request;
  const std::string& uid = request.metadata.uid;
  if (entry.gone) return false;
  if (holds(request, "Failed") || holds(request, "Provisioned")) {
    forget_backoff(uid);
    return false;
  }
  const model::RequestCondition* provisioned = condition(request, "Provisioned");
  if (provisioned == nullptr) return true;
  if (provisioned->status != "False") return false;
  const Duration wait = retry_time(request);
  if (!is_over(since(*provisioned), wait, now_)) return false;
  if (backs_off_)
    set_backoff(uid, std::min(wait * 2, options_.provisioning_request_max_backoff_time));
  return true;
}

bool ProvisioningRequests::make_pods(Entry& entry, const std::string& reason,
                                     const std::string& prefix) {
  const std::string missing = missing_templates(*entry.view, *entry.request);
  if (!missing.empty()) {
    set(entry, "Failed", true, reason, prefix + missing);
    tell(entry, true, reason, prefix + missing);
    return false;
  }
  Made& made = made_[entry.request->metadata.uid];
  if (made.pods.empty() || made.templates != entry.view->templates) {
    made.templates = entry.view->templates;
    made.pods = pods_of(*entry.view, *entry.request);
  }
  return !made.pods.empty();  // the API server lets none be without
}

const std::vector<PodRef>& ProvisioningRequests::pods(std::size_t request) const {
  return made_.at(entries_[request].request->metadata.uid).pods;
}

void ProvisioningRequests::accept(Entry& entry) {
  const bool known = holds(*entry.request, "Accepted");
  set(entry, "Accepted", true, "Accepted", "ProvisioningRequest is accepted by ClusterAutoscaler");
  if (!known)
    tell(
        entry, false, "Accepted",
        fmt::format("accepted: {}, {}", count_of(made_.at(entry.request->metadata.uid).pods.size()),
                    entry.request->spec.provisioningClassName));
}

std::optional<std::size_t> ProvisioningRequests::take_next() {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if (!supported(*entry.request) || !may_be_tried(entry)) continue;
    if (!make_pods(entry, "FailedToCreatePods", "")) continue;
    if (!options_.check_capacity_batch_processing || !backs_off_ ||
        !checks_capacity(*entry.request))
      accept(entry);
    return i;
  }
  return std::nullopt;
}

// Whether a request may be tried is asked a second time here, as upstream does: one that waited is
// in no batch before its longest time has passed.
std::vector<std::size_t> ProvisioningRequests::checks(std::size_t next) {
  std::vector<std::size_t> list;
  if (batches()) {
    const auto most =
        static_cast<std::size_t>(options_.check_capacity_provisioning_request_max_batch_size);
    for (std::size_t i = 0; i < entries_.size() && list.size() < most; ++i)
      if (checks_capacity(*entries_[i].request) && may_be_tried(entries_[i]) &&
          make_pods(entries_[i], "FailedToCreatePods", ""))
        list.push_back(i);
  } else if (checks_capacity(*entries_[next].request)) {
    list.push_back(next);
  }
  for (const std::size_t i : list) accept(entries_[i]);
  return list;
}

std::vector<PodRef> ProvisioningRequests::booked() {
  std::vector<PodRef> pods;
  for (Entry& entry : entries_) {
    if (!supported(*entry.request) || !is_booked(*entry.request)) continue;
    if (!make_pods(entry, "FailedToBookCapacity", "Couldn't create pods, err: ")) continue;
    const std::vector<PodRef>& mine = made_.at(entry.request->metadata.uid).pods;
    pods.insert(pods.end(), mine.begin(), mine.end());
  }
  return pods;
}

void ProvisioningRequests::provisioned(std::size_t request, Capacity how, const std::string& why) {
  const char* reason = how == Capacity::Found ? "CapacityIsFound" : "CapacityIsProvisioned";
  const std::string message = "Capacity is found in the cluster";
  set(entries_[request], "Provisioned", true, reason, message);
  // Upstream says of what was bought too that it is found in the cluster.
  tell(entries_[request], false, reason,
       fmt::format("{}: {}; booked for {}",
                   how == Capacity::Found ? message : "Capacity is asked for", why,
                   minutes_text(kBookingTime)));
}

void ProvisioningRequests::not_found(std::size_t request, const std::string& why) {
  Entry& entry = entries_[request];
  const model::StringMap& parameters = entry.request->spec.parameters;
  const auto no_retry = parameters.find("noRetry");
  if (backs_off_ && checks_capacity(*entry.request) && no_retry != parameters.end() &&
      no_retry->second == "true") {
    set(entry, "Failed", true, "CapacityIsNotFound", "CA could not find requested capacity");
    tell(entry, true, "CapacityIsNotFound", "CA could not find requested capacity: " + why);
    return;
  }
  entry.request = without_capacity(*entry.request, now_);
  entry.changed = true;
  std::string& told = made_.at(entry.request->metadata.uid).told;
  if (std::exchange(told, why) == why) return;
  tell(entry, true, "CapacityIsNotFound",
       fmt::format("Capacity is not found: {}; tried again after {}", why,
                   minutes_text(retry_time(*entry.request))));
}

void ProvisioningRequests::set(Entry& entry, std::string type, bool holds, std::string reason,
                               std::string message) {
  auto changed = std::make_shared<model::ProvisioningRequest>(*entry.request);
  set_condition(
      *changed,
      {std::move(type), holds ? "True" : "False", std::move(reason), std::move(message), now_, {}});
  entry.request = std::move(changed);
  entry.changed = true;
}

void ProvisioningRequests::tell(const Entry& entry, bool warning, std::string reason,
                                std::string message) {
  const model::ObjectMeta& meta = entry.request->metadata;
  events_.push_back({PlanEvent::About::Request, meta.namespace_, meta.name, warning,
                     std::move(reason), std::move(message)});
}

void ProvisioningRequests::end(Plan& plan) {
  for (Entry& entry : entries_) {
    if (entry.gone)
      plan.delete_requests.push_back(entry.request);
    else if (entry.changed)
      plan.requests.push_back(entry.request);
    entry.view = nullptr;
  }
  for (PlanEvent& event : events_) plan.events.push_back(std::move(event));
  events_.clear();
}

std::optional<Instant> ProvisioningRequests::next_change() const {
  std::optional<Instant> next;
  const auto after = [&](Instant from, Duration time) {
    if (!is_over(from, time, now_)) keep_earliest(next, from + time + kPast);
  };
  for (const Entry& entry : entries_) {
    const model::ProvisioningRequest& request = *entry.request;
    const model::RequestCondition* provisioned = condition(request, "Provisioned");
    const model::RequestCondition* failed = condition(request, "Failed");
    for (const model::RequestCondition* decided : {provisioned, failed})
      if (backs_off_ && decided != nullptr) after(since(*decided), kWeek);
    if (!supported(request) || holds(request, "Failed") || holds(request, "BookingExpired"))
      continue;
    if (holds(request, "Provisioned")) {
      after(since(*provisioned), kBookingTime);
      continue;
    }
    after(request.metadata.creationTimestamp.value_or(Instant()), kWeek);
    if (provisioned != nullptr) after(since(*provisioned), retry_time(request));
  }
  return next;
}

bool ProvisioningRequests::at_rest(Instant last_change) const {
  return std::all_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    const model::ProvisioningRequest& request = *entry.request;
    if (!supported(request) || holds(request, "Failed") || holds(request, "BookingExpired"))
      return true;
    const model::RequestCondition* provisioned = condition(request, "Provisioned");
    return provisioned != nullptr && provisioned->status != "True" &&
           since(*provisioned) >= std::max(last_change, freed_);
  });
}

}  // namespace gputide::scaling
