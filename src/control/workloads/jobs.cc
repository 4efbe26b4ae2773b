#include "control/workloads/jobs.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "base/text.h"
#include "control/workloads/pod_failure.h"
#include "control/workloads/replica_sets.h"
#include "control/workloads/statuses.h"
#include "model/names.h"

namespace gputide::workloads {

namespace {

constexpr std::string_view kIndex = "batch.kubernetes.io/job-completion-index";
constexpr std::int32_t kDefaultBackoffLimit = 6;
constexpr std::int64_t kFirstRetrySeconds = 10;
constexpr std::int64_t kLongestRetrySeconds = 600;

std::optional<std::size_t> index_of(const model::Pod& pod) {
  const auto found = pod.metadata.annotations.find(std::string(kIndex));
  if (found == pod.metadata.annotations.end()) return std::nullopt;
  std::size_t index = 0;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), index);
  return index;
}

// "0,3-5": indexes as a Job's status writes them.
template <class Holds>
std::string index_ranges(std::size_t count, Holds&& holds) {
  std::string text;
  for (std::size_t first = 0; first < count; ++first) {
    if (!holds(first)) continue;
    std::size_t last = first;
    while (last + 1 < count && holds(last + 1)) ++last;
    if (!text.empty()) text += ',';
    text += std::to_string(first);
    if (last > first) text += (last == first + 1 ? ',' : '-') + std::to_string(last);
    first = last;
  }
  return text;
}

// The indexes of "0,3-5", as flags.
std::vector<std::uint8_t> indexes_of(std::string_view ranges, std::size_t count) {
  std::vector<std::uint8_t> flags(count);
  for (const std::string_view range : split(ranges, ',')) {
    const char* const end = range.data() + range.size();
    std::size_t first = 0;
    const auto [at, wrong] = std::from_chars(range.data(), end, first);
    if (wrong != std::errc()) continue;
    std::size_t last = first;
    if (at != end) std::from_chars(at + 1, end, last);
    for (std::size_t index = first; index <= last && index < count; ++index) flags[index] = 1;
  }
  return flags;
}

// Failures delay the next try: 10 s, 20 s ... 10 min.
Instant next_try(std::int32_t failures, Instant now) {
  return now + Duration::seconds(std::min(kLongestRetrySeconds,
                                          kFirstRetrySeconds << std::clamp(failures - 1, 0, 10)));
}

bool is_suspended(const model::Job& job) {
  return job.spec.suspend.value_or(false);
}

// A Job without completions is done at the first success, and then lets the others end. `ended`:
// pods that succeeded, and indexes that failed.
std::int32_t still_wanted(const model::Job& job, std::int32_t ended, std::int32_t active) {
  if (is_suspended(job)) return 0;
  const std::int32_t parallelism = job.spec.parallelism.value_or(1);
  if (job.spec.completions || !job.spec.parallelism)
    return std::min(parallelism, job.spec.completions.value_or(1) - ended);
  return ended > 0 ? active : parallelism;
}

bool is_complete(const model::Job& job, std::int32_t succeeded, std::int32_t active) {
  if (job.spec.completions || !job.spec.parallelism)
    return succeeded >= job.spec.completions.value_or(1);
  return succeeded > 0 && active == 0;
}

// A pod's successor comes when it has ended, not when it begins to.
bool waits_for_ends(const model::Job& job) {
  const std::optional<std::string>& policy = job.spec.podReplacementPolicy;
  return policy ? *policy == "Failed" : job.spec.podFailurePolicy.has_value();
}

// A pod that is deleted has failed, unless its successor waits for its end, which may be another.
bool has_ended(const model::Job& job, const model::Pod& pod) {
  return is_finished(pod) || (pod.metadata.deletionTimestamp && !waits_for_ends(job));
}

// Of what may change in a Job's spec, whether anything has.
bool asks_otherwise(const model::Job& before, const model::Job& now) {
  return is_suspended(before) != is_suspended(now) ||
         before.spec.parallelism != now.spec.parallelism;
}

model::Value::List::iterator find_type(model::Value::List& conditions, std::string_view type) {
  return std::find_if(conditions.begin(), conditions.end(),
                      [&](const model::Value& each) { return each.text_at("type") == type; });
}

model::Value job_condition(const char* type, bool holds, const std::string& reason,
                           const std::string& message, Instant now) {
  model::Value made;
  made.set("type", type);
  made.set("status", holds ? "True" : "False");
  const std::string time = now.rfc3339();
  made.set("lastProbeTime", time);
  made.set("lastTransitionTime", time);
  made.set("reason", reason);
  made.set("message", message);
  return made;
}

}  // namespace

// A pod of which it was asked that it go counts as going before it is seen to.
void Jobs::count(Entry& entry, const model::Pod& pod, std::int32_t sign) {
  if (is_finished(pod)) return;
  if (pod.metadata.deletionTimestamp || entry.ending || entry.removed.contains(pod.metadata.name)) {
    entry.terminating += sign;
    return;
  }
  entry.active += sign;
  if (is_ready(pod)) entry.ready += sign;
}

// The first index that has no pod and may be tried now.
std::optional<std::size_t> Jobs::free_index(const Entry& entry, Instant now) {
  for (std::size_t index = 0; index < entry.index_done.size(); ++index) {
    if (entry.index_done[index] != 0 || entry.index_taken[index] != 0) continue;
    if (entry.failures.empty()) return index;
    const IndexFailures& failures = entry.failures[index];
    if (!failures.failed && (!failures.not_before || *failures.not_before <= now)) return index;
  }
  return std::nullopt;
}

void Jobs::create(Entry& entry, Desk& desk) {
  auto pod = pod_of(*entry.object, "batch/v1", "Job");
  const model::ObjectMeta& job = entry.object->metadata;
  pod->metadata.labels["batch.kubernetes.io/controller-uid"] = job.uid;
  pod->metadata.labels["batch.kubernetes.io/job-name"] = job.name;
  if (entry.indexed) {
    const std::optional<std::size_t> index = free_index(entry, desk.now());
    if (!index) return;
    entry.index_taken[*index] = 1;
    const std::string text = std::to_string(*index);
    pod->metadata.annotations[std::string(kIndex)] = text;
    pod->metadata.labels[std::string(kIndex)] = text;
    // A long name gives way to the index.
    const std::string end = "-" + text + "-";
    pod->metadata.generateName = job.name.substr(0, model::kNamePrefixLength - end.size()) + end;
  }
  ++entry.creating;
  desk.create(std::move(pod));
}

// As upstream multiplies it, in nanoseconds of 64 bits: more than 292 years wrap around.
std::optional<Duration> Jobs::allowed(const Entry& entry) {
  const std::optional<std::int64_t>& seconds = entry.object->spec.activeDeadlineSeconds;
  if (!entry.started || !seconds || is_suspended(*entry.object)) return std::nullopt;
  constexpr std::uint64_t kSecond = 1'000'000'000;
  return Duration::nanoseconds(
      static_cast<std::int64_t>(static_cast<std::uint64_t>(*seconds) * kSecond));
}

void Jobs::await_deadline(const Entry& entry, Desk& desk) {
  constexpr Instant kLast = Instant::from_nanoseconds(std::numeric_limits<std::int64_t>::max());
  const std::optional<Duration> span = allowed(entry);
  if (span && *span <= kLast - *entry.started)
    desk.arm(Part::JobEnds, entry.id, *entry.started + *span);
}

void Jobs::expire(const Entry& entry, Desk& desk) {
  desk.remove("Job", entry.object->metadata);
}

// It is decided: its other pods go, and when they have, it has ended. What was decided is a
// condition at once, what has come of it another when the last pod has ended.
void Jobs::finish(Entry& entry, Ending ending, Desk& desk) {
  entry.conditions.push_back(job_condition(ending.success ? "SuccessCriteriaMet" : "FailureTarget",
                                           true, ending.reason, ending.message, desk.now()));
  entry.ending = std::move(ending);
  entry.terminating += std::exchange(entry.active, 0);
  entry.ready = 0;
  desk.disarm(Part::Jobs, entry.id);
  desk.disarm(Part::JobEnds, entry.id);
  conclude(entry, desk);
}

void Jobs::conclude(Entry& entry, Desk& desk) {
  for (const auto& [name, pod] : entry.pods)
    if (is_active(*pod)) desk.remove("Pod", pod->metadata);
  if (entry.creating > 0 || entry.terminating > 0) return;
  entry.done = true;
  const auto& [success, reason, message] = *entry.ending;
  if (success) entry.completed = desk.now();
  entry.conditions.push_back(
      job_condition(success ? "Complete" : "Failed", true, reason, message, desk.now()));
  desk.publish("Job", entry.object->metadata, !success, success ? "Completed" : reason,
               success ? "Job completed" : message);
  if (const std::optional<std::int32_t>& ttl = entry.object->spec.ttlSecondsAfterFinished) {
    if (*ttl <= 0) return expire(entry, desk);
    desk.arm(Part::JobEnds, entry.id, desk.now() + Duration::seconds(*ttl));
  }
}

// The numbers in its status; the indexes change with them.
std::array<std::int32_t, 6> Jobs::counts_of(const Entry& entry) {
  return {
      entry.active + entry.creating, entry.ready, entry.terminating, entry.succeeded, entry.failed,
      entry.failed_indexes};
}

// Without finalizers of pods, none waits to be counted.
model::Value Jobs::status_of(const Entry& entry) {
  model::Value status;
  const auto set_count = [&](std::string_view key, std::int32_t count) {
    if (count > 0) status.set(key, std::int64_t{count});
  };
  if (!entry.conditions.empty()) status.set("conditions", entry.conditions);
  if (entry.started) status.set("startTime", entry.started->rfc3339());
  if (entry.completed) status.set("completionTime", entry.completed->rfc3339());
  set_count("active", entry.active + entry.creating);
  set_count("succeeded", entry.succeeded);
  set_count("failed", entry.failed);
  status.set("terminating", std::int64_t{entry.terminating});
  const std::string completed = index_ranges(
      entry.index_done.size(), [&](std::size_t index) { return entry.index_done[index] != 0; });
  if (!completed.empty()) status.set("completedIndexes", completed);
  if (!entry.failures.empty())
    status.set("failedIndexes", index_ranges(entry.failures.size(), [&](std::size_t index) {
                 return entry.failures[index].failed;
               }));
  status.set("uncountedTerminatedPods", model::Value::Map());
  status.set("ready", std::int64_t{entry.ready});
  return status;
}

// If another has changed the Job meanwhile, nothing is written; that change is seen, and the status
// is written then.
void Jobs::tell(Entry& entry, Desk& desk) {
  untrue_.erase(entry.object->metadata.uid);
  const std::optional<std::int32_t>& ttl = entry.object->spec.ttlSecondsAfterFinished;
  if (entry.done && ttl && *ttl <= 0) return;  // it is gone
  model::Value status = status_of(entry);
  if (status == entry.object->status) return;
  auto now = std::make_shared<model::Job>(*entry.object);
  now->status = std::move(status);
  desk.replace_current(std::move(now));
}

void Jobs::write_statuses(Desk& desk) {
  for (const std::string& uid : std::exchange(untrue_, {}))
    if (const auto found = entries_.find(uid); found != entries_.end()) tell(found->second, desk);
}

// The first rule of the Job's success policy that holds of the indexes that are done. A rule that
// names none of the Job's indexes never does.
std::optional<std::size_t> Jobs::met_rule(const Entry& entry) {
  const std::optional<model::SuccessPolicy>& policy = entry.object->spec.successPolicy;
  if (!policy || !entry.indexed) return std::nullopt;
  for (std::size_t i = 0; i < policy->rules.size(); ++i) {
    const model::SuccessPolicyRule& rule = policy->rules[i];
    std::vector<std::uint8_t> asked(entry.index_done.size(), 1);
    if (rule.succeededIndexes) asked = indexes_of(*rule.succeededIndexes, asked.size());
    std::int64_t done = 0;
    std::int64_t all = 0;
    for (std::size_t index = 0; index < asked.size(); ++index) {
      all += asked[index];
      done += asked[index] & entry.index_done[index];
    }
    if (all > 0 && done >= (rule.succeededCount ? *rule.succeededCount : all)) return i;
  }
  return std::nullopt;
}

// An index that has failed is tried again after a while, whatever becomes of the others.
void Jobs::await_index(const Entry& entry, Desk& desk) {
  std::optional<Instant> next;
  for (std::size_t index = 0; index < entry.failures.size(); ++index) {
    const IndexFailures& failures = entry.failures[index];
    const bool waits = failures.not_before && *failures.not_before > desk.now() &&
                       !failures.failed && entry.index_done[index] == 0 &&
                       entry.index_taken[index] == 0;
    if (waits && (!next || *failures.not_before < *next)) next = failures.not_before;
  }
  if (next) desk.arm(Part::Jobs, entry.id, *next);
}

// Suspended is said of a Job once it was; never of one that was not. While it is, the time when it
// started stays, and its deadline is asked before a resumed one starts anew: Kubernetes 1.34 fails
// a Job that is resumed later than that.
void Jobs::note_suspension(Entry& entry, Desk& desk) {
  const bool suspended = is_suspended(*entry.object);
  const auto old = find_type(entry.conditions, "Suspended");
  const bool told = old != entry.conditions.end() && old->text_at("status") == "True";
  if (told == suspended) return;
  const std::string message = suspended ? "Job suspended" : "Job resumed";
  model::Value made = job_condition("Suspended", suspended,
                                    suspended ? "JobSuspended" : "JobResumed", message, desk.now());
  if (old == entry.conditions.end())
    entry.conditions.push_back(std::move(made));
  else
    *old = std::move(made);
  desk.publish("Job", entry.object->metadata, false, suspended ? "Suspended" : "Resumed", message);
  if (suspended) return;
  entry.started = desk.now();
  await_deadline(entry, desk);
}

// Those that have come least far go first. They count neither as failed nor as succeeded.
void Jobs::remove_surplus(Entry& entry, std::int32_t wanted, Desk& desk) {
  std::vector<const model::Pod*> active;
  for (const auto& [name, pod] : entry.pods)
    if (is_active(*pod) && !entry.removed.contains(name)) active.push_back(pod.get());
  const auto kept = static_cast<std::size_t>(std::max(wanted, 0));
  std::sort(active.begin(), active.end(), [&](const model::Pod* a, const model::Pod* b) {
    return goes_first(*a, 0, *b, 0, desk.now());
  });
  active.resize(active.size() - kept);
  for (const model::Pod* pod : active) {
    count(entry, *pod, -1);
    entry.removed.insert(pod->metadata.name);
    count(entry, *pod, 1);
    desk.remove("Pod", pod->metadata);
  }
}

bool Jobs::end_if_failed(Entry& entry, Desk& desk) {
  const model::JobSpec& job = entry.object->spec;
  const auto end = [&](const char* reason, std::string message) {
    finish(entry, {false, reason, std::move(message)}, desk);
    return true;
  };
  if (!entry.fails_by.empty()) return end("PodFailurePolicy", entry.fails_by);
  const bool limit_is_per_index = !entry.failures.empty() && !job.backoffLimit;
  if (!limit_is_per_index && entry.failed > job.backoffLimit.value_or(kDefaultBackoffLimit))
    return end("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  if (const auto span = allowed(entry); span && desk.now() - *entry.started >= *span)
    return end("DeadlineExceeded", "Job was active longer than specified deadline");
  if (job.maxFailedIndexes && entry.failed_indexes > *job.maxFailedIndexes)
    return end("MaxFailedIndexesExceeded",
               "Job has exceeded the specified maximal number of failed indexes");
  if (entry.failed_indexes > 0 &&
      entry.succeeded + entry.failed_indexes >= job.completions.value_or(1))
    return end("FailedIndexes", "Job has failed indexes");
  return false;
}

// What is asked first decides where several hold, as in upstream's syncJob.
void Jobs::reconcile(Entry& entry, Desk& desk) {
  if (entry.done) return;
  if (entry.ending) return conclude(entry, desk);
  const model::Job& job = *entry.object;
  if (end_if_failed(entry, desk)) return;
  if (const std::optional<std::size_t> rule = met_rule(entry))
    return finish(entry, {true, "SuccessPolicy", "Matched rules at index " + std::to_string(*rule)},
                  desk);
  if (is_complete(job, entry.succeeded, entry.active + entry.creating))
    return finish(entry, {true, "CompletionsReached", "Reached expected number of succeeded pods"},
                  desk);
  await_deadline(entry, desk);
  const std::int32_t wanted =
      still_wanted(job, entry.succeeded + entry.failed_indexes, entry.active);
  if (entry.active > wanted) return remove_surplus(entry, wanted, desk);
  const std::int32_t missing =
      wanted - entry.active - entry.creating - (waits_for_ends(job) ? entry.terminating : 0);
  if (missing <= 0) return;
  if (entry.not_before && *entry.not_before > desk.now())
    return desk.arm(Part::Jobs, entry.id, *entry.not_before);
  for (std::int32_t i = 0; i < missing; ++i) create(entry, desk);
  if (!entry.failures.empty()) await_index(entry, desk);
}

void Jobs::changed(port::Change change, const Ref<model::Job>& job, Desk& desk) {
  const std::string& uid = job->metadata.uid;
  if (change == port::Change::Deleted) {
    const auto found = entries_.find(uid);
    if (found == entries_.end()) return;
    Entry& entry = found->second;
    desk.disarm(Part::Jobs, entry.id);
    desk.disarm(Part::JobEnds, entry.id);
    by_id_.erase(entry.id);
    untrue_.erase(uid);
    for (const auto& [name, pod] : entry.pods)
      if (!pod->metadata.deletionTimestamp) desk.remove("Pod", pod->metadata);
    entries_.erase(found);
    return;
  }
  Entry& entry = entries_[uid];
  const bool asked = entry.object == nullptr || asks_otherwise(*entry.object, *job);
  if (entry.id == 0) {
    entry.id = next_id_++;
    by_id_[entry.id] = uid;
    entry.indexed = job->spec.completionMode.value_or("NonIndexed") == "Indexed";
    if (entry.indexed) {
      entry.index_done.resize(static_cast<std::size_t>(job->spec.completions.value_or(1)));
      entry.index_taken.resize(entry.index_done.size());
      if (job->spec.backoffLimitPerIndex) entry.failures.resize(entry.index_done.size());
    }
  }
  entry.object = job;
  if (is_suspended(*job)) {
    desk.disarm(Part::JobEnds, entry.id);
  } else if (!entry.started) {
    entry.started = desk.now();
  }
  reconcile(entry, desk);
  if (!entry.ending) note_suspension(entry, desk);
  if (asked || !untrue_.contains(uid)) tell(entry, desk);
}

void Jobs::count_end(Entry& entry, const model::Pod& pod, bool success, Desk& desk) {
  std::optional<std::size_t> index = entry.indexed ? index_of(pod) : std::nullopt;
  if (index && *index >= entry.index_done.size()) index.reset();
  if (index) entry.index_taken[*index] = 0;
  if (entry.removed.contains(pod.metadata.name)) return;
  if (entry.ending) {  // what was left when it was decided failed with the Job, or does not count
    if (!entry.ending->success) ++entry.failed;
    return;
  }
  if (index && success) {
    if (entry.index_done[*index] != 0) return;
    entry.index_done[*index] = 1;
  }
  if (!success) return count_failure(entry, pod, index, desk);
  ++entry.succeeded;
  entry.failed_in_a_row = 0;
}

void Jobs::count_failure(Entry& entry, const model::Pod& pod, std::optional<std::size_t> index,
                         Desk& desk) {
  using Action = PodFailure::Action;
  PodFailure failure = judge_failure(entry.object->spec, pod);
  const bool counts = failure.action != Action::Ignore;
  if (counts) ++entry.failed;
  if (failure.action == Action::FailJob) entry.fails_by = std::move(failure.message);
  if (!index || entry.failures.empty()) {
    entry.not_before = next_try(++entry.failed_in_a_row, desk.now());
    return;
  }
  IndexFailures& failures = entry.failures[*index];
  failures.count += counts ? 1 : 0;
  failures.not_before = next_try(failures.count, desk.now());
  if (failures.failed || (failure.action != Action::FailIndex &&
                          failures.count <= *entry.object->spec.backoffLimitPerIndex))
    return;
  failures.failed = true;
  ++entry.failed_indexes;
}

void Jobs::pod_changed(port::Change change, const PodRef& pod, Desk& desk) {
  const auto found = entries_.find(pod->metadata.controller()->uid);
  if (found == entries_.end()) {
    if (change != port::Change::Deleted && !pod->metadata.deletionTimestamp)
      desk.remove("Pod", pod->metadata);
    return;
  }
  Entry& entry = found->second;
  const auto counted = counts_of(entry);
  const std::size_t conditions = entry.conditions.size();
  const auto [at, added] = entry.pods.try_emplace(pod->metadata.name);
  const bool had_ended = at->second && has_ended(*entry.object, *at->second);
  const bool gone = change == port::Change::Deleted;
  if (added && entry.creating > 0) --entry.creating;
  if (at->second) count(entry, *at->second, -1);
  if (!gone) count(entry, *pod, 1);
  if (!had_ended && (gone || has_ended(*entry.object, *pod)))
    count_end(entry, *pod, pod->status.phase == "Succeeded", desk);
  if (gone) {
    entry.removed.erase(pod->metadata.name);
    entry.pods.erase(at);
  } else {
    at->second = pod;
  }
  reconcile(entry, desk);
  if (entry.conditions.size() != conditions) return tell(entry, desk);
  if (counts_of(entry) == counted) return;
  untrue_.insert(entry.object->metadata.uid);
  desk.arm_once(Part::JobStatuses, 0, desk.now() + kStatusDelay);
}

void Jobs::timer(Part part, std::uint64_t id, Desk& desk) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  Entry& entry = entries_.at(found->second);
  if (part == Part::JobEnds && entry.done) return expire(entry, desk);
  if (part == Part::Jobs) entry.not_before.reset();
  reconcile(entry, desk);
  tell(entry, desk);
}

}  // namespace gputide::workloads
