#include "decide/scaling/requests.h"

#include <gmock/gmock.h>

#include <gtest/gtest.h>

#include "decide/scaling/loop.h"
#include "decide/scaling/testing.h"
#include "model/conditions.h"

namespace gputide::scaling {
namespace {

model::PodTemplateSpec worker(std::int64_t gpus) {
  model::PodTemplateSpec made;
  model::Container container;
  container.name = "main";
  container.resources.limits["nvidia.com/gpu"] = Quantity::from_value(gpus);
  made.spec.edit().containers = {container};
  return made;
}

class RequestsTest : public testing::Test {
 protected:
  void add_group(const std::string& id, std::int64_t gpus, std::int64_t max) {
    GroupView group;
    group.id = id;
    group.max_size = max;
    auto made = std::make_shared<NodeTemplate>();
    made->node = node_of("template-" + id, gpus);
    group.provider_template = made;
    seen.groups.push_back(std::move(group));
  }
  void add_node(const std::string& name, std::int64_t gpus, std::int32_t group = kNoGroup) {
    auto view = std::make_shared<NodeView>();
    view->node = std::make_shared<const model::Node>(node_of(name, gpus));
    view->group = group;
    seen.nodes.push_back(view);
    if (group == kNoGroup) return;
    GroupView& of = seen.groups[static_cast<std::size_t>(group)];
    ++of.target_size;
  }
  /// Each pod wants one GPU.
  model::ProvisioningRequest& ask(const std::string& name, std::string_view klass,
                                  std::int32_t pods) {
    auto made = std::make_shared<model::PodTemplate>();
    made->template_ = worker(1);
    auto request = std::make_shared<model::ProvisioningRequest>();
    request->metadata.name = name;
    request->metadata.namespace_ = "default";
    request->metadata.uid = "uid-" + name;
    request->metadata.creationTimestamp = kNow - Duration::seconds(1);
    request->spec.provisioningClassName = std::string(klass);
    request->spec.podSets = {{{"worker"}, pods}};
    seen.requests.push_back({request, {made}});
    return *request;
  }
  PodRef pending(const std::string& name, const char* annotation = nullptr) {
    auto pod = std::make_shared<model::Pod>();
    pod->metadata.name = pod->metadata.uid = name;
    pod->metadata.namespace_ = "default";
    pod->metadata.creationTimestamp = kNow - Duration::minutes(5);
    if (annotation != nullptr) pod->metadata.annotations[annotation] = "train";
    pod->spec = worker(1).spec;
    auto& container = pod->spec.edit().containers[0];
    container.resources.requests = container.resources.limits;
    seen.pending.push_back(pod);
    return pod;
  }
  static Options options(Compat compat = Compat::Upstream, Release release = Release::V1_36) {
    Options made = default_options(compat, release);
    made.enable_provisioning_requests = true;
    return made;
  }
  /// A loop `later`, after which the requests are as it left them.
  Plan look(LoopState& state, Duration later = {}) {
    Plan plan = decide(seen, {}, state, kNow + later, nullptr);
    for (const RequestRef& changed : plan.requests)
      for (RequestView& view : seen.requests)
        if (view.request->metadata.uid == changed->metadata.uid) view.request = changed;
    for (const SetSize& size : plan.resize)
      for (GroupView& group : seen.groups)
        if (group.id == size.group) group.target_size = size.to;
    return plan;
  }
  /// "True CapacityIsFound"; "" without such a condition.
  std::string condition(std::size_t request, std::string_view type) const {
    const auto* found =
        model::find_condition(seen.requests[request].request->status.conditions, type);
    return found == nullptr ? "" : found->status + " " + found->reason;
  }

  Observation seen;
};

TEST_F(RequestsTest, CapacityThatIsThereIsFoundAndKept) {
  add_node("a", 2);
  add_node("b", 2);
  ask("first", model::kCheckCapacityClass, 3);
  ask("second", model::kCheckCapacityClass, 2);
  LoopState state(options());
  EXPECT_TRUE(look(state).request_processed);
  EXPECT_EQ(condition(0, "Accepted"), "True Accepted");
  EXPECT_EQ(condition(0, "Provisioned"), "True CapacityIsFound");
  EXPECT_EQ(condition(1, "Accepted"), "") << "one in a loop";
  look(state, Duration::seconds(10));
  EXPECT_EQ(condition(1, "Provisioned"), "False CapacityIsNotFound") << "three GPUs are booked";
  const Plan plan = look(state, Duration::seconds(20));
  EXPECT_FALSE(plan.request_processed);
  EXPECT_EQ(plan.next, kNow + Duration::seconds(70) + kPast) << "the second is tried again";
}

TEST_F(RequestsTest, ABookingEndsAfterTenMinutes) {
  add_node("a", 2);
  ask("first", model::kCheckCapacityClass, 2);
  LoopState state(options());
  look(state);
  EXPECT_FALSE(state.at_rest(seen, kNow));
  look(state, Duration::minutes(10));
  EXPECT_EQ(condition(0, "BookingExpired"), "");
  ask("second", model::kCheckCapacityClass, 2);
  look(state, Duration::minutes(10) + Duration::seconds(1));
  EXPECT_EQ(condition(0, "BookingExpired"), "True CapacityReservationTimeExpired");
  EXPECT_EQ(condition(1, "Provisioned"), "True CapacityIsFound");
}

TEST_F(RequestsTest, BookedNodesAreNotRemoved) {
  add_group("gpu", 2, 4);
  add_node("a", 2, 0);
  ask("first", model::kCheckCapacityClass, 1);
  LoopState state(options());
  look(state);
  for (int minute = 1; minute <= 10; ++minute) {
    const Plan plan = look(state, Duration::minutes(minute));
    EXPECT_TRUE(plan.unneeded.empty()) << "minute " << minute;
  }
  EXPECT_EQ(look(state, Duration::minutes(11)).unneeded.size(), 1U);
}

TEST_F(RequestsTest, WaitsTwiceAsLongAfterEachTry) {
  add_node("a", 1);
  ask("first", model::kCheckCapacityClass, 2);
  seen.version = 1;  // stays: nothing else changes
  LoopState state(options());
  look(state);
  std::vector<std::int64_t> tries;
  std::optional<Instant> last = seen.requests[0].request->status.conditions[1].lastTransitionTime;
  for (int seconds = 10; seconds < 45 * 60; seconds += 10) {
    look(state, Duration::seconds(seconds));
    const auto at = seen.requests[0].request->status.conditions[1].lastTransitionTime;
    if (at == last) continue;
    tries.push_back((*at - *last).whole_seconds());
    last = at;
  }
  EXPECT_THAT(tries, testing::ElementsAre(70, 130, 250, 490, 610, 610));
  EXPECT_TRUE(state.at_rest(seen, *last)) << "nothing changed since it was tried";
}

TEST_F(RequestsTest, The131TriesEveryTenMinutes) {
  add_node("a", 1);
  ask("first", model::kCheckCapacityClass, 2).spec.parameters["noRetry"] = "true";
  LoopState state(options(Compat::Upstream, Release::V1_31));
  EXPECT_FALSE(look(state, Duration::seconds(31)).request_processed);
  EXPECT_EQ(condition(0, "Provisioned"), "False CapacityIsNotFound");
  EXPECT_EQ(condition(0, "Failed"), "");
  EXPECT_TRUE(look(state, Duration::minutes(10)).requests.empty());
  EXPECT_FALSE(look(state, Duration::minutes(11)).requests.empty());
}

TEST_F(RequestsTest, NoRetryFailsForGood) {
  add_node("a", 1);
  ask("first", model::kCheckCapacityClass, 2).spec.parameters["noRetry"] = "true";
  LoopState state(options());
  look(state);
  EXPECT_EQ(condition(0, "Failed"), "True CapacityIsNotFound");
  EXPECT_EQ(condition(0, "Provisioned"), "");
  EXPECT_TRUE(look(state, Duration::hours(1)).requests.empty());
  EXPECT_EQ(look(state, Duration::hours(7 * 24 + 1)).delete_requests.size(), 1U);
}

TEST_F(RequestsTest, ARequestWithoutItsTemplateFails) {
  ask("first", model::kCheckCapacityClass, 2);
  seen.requests[0].templates = {nullptr};
  LoopState state(options());
  look(state);
  EXPECT_EQ(condition(0, "Failed"), "True FailedToCreatePods");
}

TEST_F(RequestsTest, OtherClassesAndInstancesAreLeftAlone) {
  add_node("a", 4);
  ask("other", "queued-provisioning.gke.io", 1);
  ask("theirs", model::kCheckCapacityClass, 1).spec.parameters["processorInstance"] = "b";
  ask("mine", model::kCheckCapacityClass, 1).spec.parameters["processorInstance"] = "a";
  ask("atomic", model::kBestEffortAtomicClass, 1);
  Options named = options();
  named.check_capacity_processor_instance = "a";
  LoopState state(named);
  for (int i = 0; i < 5; ++i) look(state, Duration::seconds(10) * i);
  EXPECT_EQ(condition(0, "Accepted"), "");
  EXPECT_EQ(condition(1, "Accepted"), "");
  EXPECT_EQ(condition(2, "Provisioned"), "True CapacityIsFound");
  EXPECT_EQ(condition(3, "Accepted"), "");
}

TEST_F(RequestsTest, ABatchIsDecidedInOneLoop) {
  add_node("a", 3);
  for (const char* name : {"a", "b", "c"}) ask(name, model::kCheckCapacityClass, 2);
  ask("d", model::kCheckCapacityClass, 1);
  Options batch = options();
  batch.check_capacity_batch_processing = true;
  batch.check_capacity_provisioning_request_max_batch_size = 3;
  LoopState state(batch);
  look(state);
  EXPECT_EQ(condition(0, "Provisioned"), "True CapacityIsFound");
  EXPECT_EQ(condition(1, "Provisioned"), "False CapacityIsNotFound") << "the first took two";
  EXPECT_EQ(condition(2, "Provisioned"), "False CapacityIsNotFound");
  EXPECT_EQ(condition(3, "Provisioned"), "");
}

TEST_F(RequestsTest, AnAtomicRequestBuysForAllOfItsPods) {
  for (const Compat compat : {Compat::Upstream, Compat::Gputide}) {
    seen = {};
    add_group("gpu", 2, 4);
    add_node("a", 1);
    ask("gang", model::kBestEffortAtomicClass, 6);
    LoopState state(options(compat));
    const Plan plan = look(state);
    ASSERT_EQ(plan.resize.size(), 1U);
    EXPECT_EQ(plan.resize[0].to, 3) << "one pod finds room";
    EXPECT_NE(plan.resize[0].request, nullptr);
    EXPECT_EQ(condition(0, "Provisioned"), "True CapacityIsProvisioned");
    EXPECT_TRUE(look(state, Duration::seconds(10)).resize.empty());
  }
}

TEST_F(RequestsTest, AnAtomicRequestBuysNothingWhereNotAllFit) {
  for (const Compat compat : {Compat::Upstream, Compat::Gputide}) {
    seen = {};
    add_group("gpu", 2, 2);
    add_node("a", 1);
    ask("gang", model::kBestEffortAtomicClass, 6);
    LoopState state(options(compat));
    const Plan plan = look(state);
    EXPECT_TRUE(plan.resize.empty());
    EXPECT_EQ(condition(0, "Provisioned"), "False CapacityIsNotFound");
    EXPECT_THAT(plan.events.back().message, testing::HasSubstr("gpu has room for 4 of them"));
  }
}

TEST_F(RequestsTest, OursMayUseSeveralGroupsForAnAtomicRequest) {
  for (const Compat compat : {Compat::Upstream, Compat::Gputide}) {
    seen = {};
    add_group("small", 2, 1);
    add_group("large", 4, 1);
    seen.groups[0].price_per_hour = Money::micros(2'000'000);
    seen.groups[1].price_per_hour = Money::micros(4'000'000);
    add_node("a", 0);
    ask("gang", model::kBestEffortAtomicClass, 6);
    LoopState state(options(compat));
    EXPECT_EQ(look(state).resize.size(), compat == Compat::Gputide ? 2U : 0U);
  }
}

TEST_F(RequestsTest, AnAtomicRequestThatFitsBuysNothing) {
  add_group("gpu", 2, 2);
  add_node("a", 4);
  ask("gang", model::kBestEffortAtomicClass, 4);
  LoopState state(options());
  EXPECT_TRUE(look(state).resize.empty());
  EXPECT_EQ(condition(0, "Provisioned"), "True CapacityIsFound");
}

TEST_F(RequestsTest, PodsThatConsumeARequestBuyNothing) {
  add_group("gpu", 2, 4);
  add_node("a", 0);
  pending("new", model::kConsumeRequest);
  pending("old", model::kConsumeRequestOld);
  LoopState state(options());
  const Plan plan = look(state);
  EXPECT_TRUE(plan.resize.empty());
  ASSERT_EQ(plan.events.size(), 2U);
  EXPECT_THAT(plan.events[1].message, testing::HasSubstr("ProvisioningRequest default/train"));
  EXPECT_TRUE(look(state, Duration::seconds(10)).events.empty()) << "told once";
  LoopState off(default_options(Compat::Upstream, Release::V1_36));
  EXPECT_EQ(decide(seen, {}, off, kNow, nullptr).resize.size(), 1U);
}

TEST_F(RequestsTest, OrdinaryPodsAndRequestsTakeTurns) {
  add_group("gpu", 2, 4);
  add_node("a", 0);
  pending("plain");
  ask("gang", model::kBestEffortAtomicClass, 4);
  LoopState state(options());
  Plan plan = look(state);
  ASSERT_EQ(plan.resize.size(), 1U);
  EXPECT_EQ(plan.resize[0].request, nullptr);
  EXPECT_TRUE(plan.request_processed);
  seen.groups[0].target_size = 0;  // it came to nothing, and the pod waits still
  LoopState again(options(Compat::Upstream, Release::V1_31));
  seen.requests[0].request =
      std::make_shared<model::ProvisioningRequest>(*seen.requests[0].request);
  plan = look(again, Duration::minutes(1));
  ASSERT_EQ(plan.resize.size(), 1U);
  EXPECT_NE(plan.resize[0].request, nullptr) << "in 1.31 requests come first";
}

}  // namespace
}  // namespace gputide::scaling
