// ProvisioningRequests: whose turn it is, the pods that they stand for, what is booked for them,
// and what becomes of them. Source: Cluster Autoscaler 1.36.1 processors/provreq and
// provisioningrequest; 1.31.5 where Semantics say so.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "decide/scaling/observation.h"
#include "decide/scaling/plan.h"

namespace gputide::scaling {

/// For how long capacity is kept for the pods of a request that is provisioned.
inline constexpr Duration kBookingTime = Duration::minutes(10);

/// The name of the ProvisioningRequest, of the pod's namespace, whose capacity the pod is for;
/// nullptr: it is for none.
const std::string* consumed_request(const model::Pod& pod);

/// The request after its capacity was not to be had: Provisioned is False from `now` on.
RequestRef without_capacity(const model::ProvisioningRequest& request, Instant now);

/// How a request was given its capacity.
enum class Capacity {
  Found,   // the cluster has it
  Bought,  // it was asked for
};

/// The requests of one loop after the other. All that is decided about them stands in their
/// conditions; only how long each is left alone before the next try is remembered here.
class ProvisioningRequests {
 public:
  explicit ProvisioningRequests(const Options& options);

  /// A loop begins. Bookings that are over end; requests that nothing was found for in a week fail;
  /// those that were decided a week ago go.
  void begin(const Observation& seen, Instant now);

  /// The oldest request that may be tried now, as a number for the calls below; nullopt: none. It
  /// is accepted, unless check_capacity takes it in a batch. Requests without their templates fail.
  std::optional<std::size_t> take_next();
  /// The requests of the class check-capacity that are to be decided now that `next` was taken, all
  /// accepted: itself, or a batch of which it need not be one. Empty: it is of another class.
  std::vector<std::size_t> checks(std::size_t next);
  /// Of a request that was taken: the pods that it stands for.
  const std::vector<PodRef>& pods(std::size_t request) const;
  const RequestRef& request(std::size_t request) const { return entries_[request].request; }
  /// The pods of all requests whose capacity is booked.
  std::vector<PodRef> booked();

  /// `why`: for people, besides what the condition says.
  void provisioned(std::size_t request, Capacity how, const std::string& why);
  void not_found(std::size_t request, const std::string& why);

  /// The loop ends: the requests that changed, and what is told of them.
  void end(Plan& plan);
  /// When something can first be decided although nothing changes; nullopt: never.
  std::optional<Instant> next_change() const;
  /// Nothing will be decided although nothing changes, and since `last_change` every request that
  /// waits was tried.
  bool at_rest(Instant last_change) const;

 private:
  struct Entry {
    const RequestView* view = nullptr;  // while the loop lasts
    RequestRef request;                 // with the conditions of this loop
    bool changed = false;
    bool gone = false;
  };
  /// The pods of a request, and what they were made of.
  struct Made {
    std::vector<std::shared_ptr<const model::PodTemplate>> templates;
    std::vector<PodRef> pods;
    std::string told;  // why nothing was found, when that was told last
  };

  bool supported(const model::ProvisioningRequest& request) const;
  bool checks_capacity(const model::ProvisioningRequest& request) const;
  bool batches() const;
  void end_bookings();
  void drop_old();
  bool may_be_tried(const Entry& entry);
  Duration retry_time(const model::ProvisioningRequest& request) const;
  void forget_backoff(const std::string& uid);
  void set_backoff(const std::string& uid, Duration time);
  /// False: it fails for `reason`, its pods cannot be made.
  bool make_pods(Entry& entry, const std::string& reason, const std::string& prefix);
  void accept(Entry& entry);
  void set(Entry& entry, std::string type, bool holds, std::string reason, std::string message);
  void tell(const Entry& entry, bool warning, std::string reason, std::string message);

  const Options options_;
  const bool backs_off_;
  Instant now_;
  std::vector<Entry> entries_;
  std::vector<PlanEvent> events_;
  std::map<std::string, Made> made_;                        // by uid
  std::vector<std::pair<std::string, Duration>> backoffs_;  // by uid; the one last asked for last
  Instant freed_;                                           // when a booking last ended
};

}  // namespace gputide::scaling
