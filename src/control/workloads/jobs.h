// Jobs: pods that run to their end, so many at a time, until enough have succeeded.
// Source: kube-controller-manager 1.34, pkg/controller/job and ttlafterfinished.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "control/workloads/desk.h"

namespace gputide::workloads {

class Jobs {
 public:
  void changed(port::Change change, const Ref<model::Job>& job, Desk& desk);
  /// A pod whose controller is a Job changed.
  void pod_changed(port::Change change, const PodRef& pod, Desk& desk);
  /// A timer of Part::Jobs (a retry is due) or Part::JobEnds (a Job has run for as long as it may,
  /// or a finished one's time is up).
  void timer(Part part, std::uint64_t id, Desk& desk);
  /// Part::JobStatuses: what pods did a second ago is to be written.
  void write_statuses(Desk& desk);

 private:
  struct IndexFailures {
    std::int32_t count = 0;
    bool failed = false;
    std::optional<Instant> not_before;
  };
  /// What becomes of a Job, in the words of its conditions.
  struct Ending {
    bool success = false;
    std::string reason;
    std::string message;
  };
  struct Entry {
    Ref<model::Job> object;
    std::uint64_t id = 0;          // of its timers
    std::int32_t active = 0;       // less those that are being removed
    std::int32_t ready = 0;        // of the active ones
    std::int32_t terminating = 0;  // have not ended, and are to
    std::int32_t creating = 0;
    std::int32_t succeeded = 0;
    std::int32_t failed = 0;
    std::int32_t failed_in_a_row = 0;       // ignored failures too
    std::string fails_by;                   // a pod of which a rule says that it fails the Job
    std::optional<Instant> started;         // when it was first, or last resumed
    std::optional<Instant> completed;       // as a success
    model::Value::List conditions;          // of its status
    std::optional<Instant> not_before;      // failures delay the next pod
    std::map<std::string, PodRef> pods;     // by name
    std::set<std::string> removed;          // pods of which there were too many
    std::vector<std::uint8_t> index_done;   // Indexed: completed indexes
    std::vector<std::uint8_t> index_taken;  // Indexed: active or asked for
    std::vector<IndexFailures> failures;    // of the indexes, where each has a limit of its own
    std::int32_t failed_indexes = 0;        // that are not tried again
    std::optional<Ending> ending;           // it is decided; pods are still to end
    bool indexed = false;
    bool done = false;
  };
  void reconcile(Entry& entry, Desk& desk);
  void create(Entry& entry, Desk& desk);
  void finish(Entry& entry, Ending ending, Desk& desk);
  void conclude(Entry& entry, Desk& desk);
  static void count(Entry& entry, const model::Pod& pod, std::int32_t sign);
  static std::array<std::int32_t, 6> counts_of(const Entry& entry);
  static model::Value status_of(const Entry& entry);
  void tell(Entry& entry, Desk& desk);
  static std::optional<std::size_t> met_rule(const Entry& entry);
  void count_end(Entry& entry, const model::Pod& pod, bool success, Desk& desk);
  static void count_failure(Entry& entry, const model::Pod& pod, std::optional<std::size_t> index,
                            Desk& desk);
  static std::optional<std::size_t> free_index(const Entry& entry, Instant now);
  static void await_index(const Entry& entry, Desk& desk);
  bool end_if_failed(Entry& entry, Desk& desk);
  static void note_suspension(Entry& entry, Desk& desk);
  static void remove_surplus(Entry& entry, std::int32_t wanted, Desk& desk);
  void expire(const Entry& entry, Desk& desk);
  static std::optional<Duration> allowed(const Entry& entry);
  static void await_deadline(const Entry& entry, Desk& desk);

  std::unordered_map<std::string, Entry> entries_;        // by uid
  std::unordered_map<std::uint64_t, std::string> by_id_;  // uid of a timer's id
  std::set<std::string> untrue_;                          // uids whose statuses wait to be written
  std::uint64_t next_id_ = 1;
};

}  // namespace gputide::workloads
