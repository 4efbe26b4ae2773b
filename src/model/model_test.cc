#include <gtest/gtest.h>

#include "model/conditions.h"
#include "model/int_or_string.h"
#include "model/names.h"
#include "model/object_validation.h"
#include "model/pod_requests.h"
#include "model/selector.h"

namespace gputide::model {
namespace {

TEST(StringMap, IsCopiedWhenOneOfItsOwnersChangesIt) {
  const StringMap first = {{"app", "web"}, {"tier", "fe"}};
  StringMap second = first;
  EXPECT_EQ(first, second);
  second["app"] = "api";
  EXPECT_EQ(second.erase("tier"), 1U);
  EXPECT_EQ(second.erase("tier"), 0U);
  EXPECT_FALSE(second.try_emplace("app", "other").second);
  EXPECT_TRUE(second.emplace("zone", "a").second);
  EXPECT_EQ(second, (StringMap{{"app", "api"}, {"zone", "a"}}));
  second.erase_if([](const auto& entry) { return entry.second == "a"; });
  EXPECT_EQ(second, (StringMap{{"app", "api"}}));
  second.clear();
  EXPECT_TRUE(second.empty());
  EXPECT_EQ(first, (StringMap{{"app", "web"}, {"tier", "fe"}}));
  EXPECT_LT(second, first);
}

TEST(ResourceList, IsCopiedWhenItIsWrittenThroughAnIterator) {
  const ResourceList first = {{"cpu", Quantity::from_value(4)}};
  ResourceList second = first;
  EXPECT_EQ(second.identity(), first.identity());
  second.find("cpu")->second.sub(Quantity::from_value(1));
  EXPECT_FALSE(second.try_emplace("cpu", Quantity::from_value(9)).second);
  EXPECT_TRUE(second.find("memory") == second.end());
  for (auto& [name, amount] : second) amount.add(Quantity::from_value(2));
  EXPECT_EQ(second, (ResourceList{{"cpu", Quantity::from_value(5)}}));
  EXPECT_EQ(first, (ResourceList{{"cpu", Quantity::from_value(4)}}));
}

bool selects(std::string_view text, const StringMap& labels) {
  const Result<Selector> selector = Selector::parse(text);
  EXPECT_TRUE(selector) << text;
  return selector && selector->matches(labels);
}

TEST(Selector, MatchesWhatKubectlSelects) {
  const StringMap labels = {{"app", "web"}, {"tier", "fe"}, {"gen", "5"}};
  for (const std::string_view text : {"", "app", "app=web", "app==web,tier in (fe,be)", "!absent",
                                      "app!=api", "absent!=x", "gen>4", "gen<6", "app notin (api)"})
    EXPECT_TRUE(selects(text, labels)) << text;
  for (const std::string_view text :
       {"absent", "app=api", "tier in (be)", "!app", "gen>5", "app>1", "app notin (web)"})
    EXPECT_FALSE(selects(text, labels)) << text;
}

TEST(Selector, TextReadsBack) {
  for (const std::string_view text : {"a", "!a", "a=b", "a==b", "a!=b", "a in (b,c)",
                                      "a notin (b,c)", "a>1", "a<1", "a=b,c,!d,e in (f)"}) {
    EXPECT_EQ(Selector::parse(text)->text(), text);
  }
}

TEST(Selector, AbsentSelectsNothingAndEmptyEverything) {
  EXPECT_FALSE(Selector::of(std::nullopt).matches({{"a", "b"}}));
  EXPECT_TRUE(Selector::of(LabelSelector{}).matches({}));
  LabelSelector wrong;
  wrong.matchExpressions.push_back({"a", "in", {}});
  EXPECT_EQ(Selector::compile(wrong).error().message,
            "\"in\" is not a valid label selector operator");
  EXPECT_TRUE(Selector::of(wrong).selects_nothing());
}

TEST(FieldSelector, UnescapesValues) {
  const auto selector = FieldSelector::parse("a=b\\,c,spec.nodeName!=");
  ASSERT_TRUE(selector);
  EXPECT_TRUE(selector->matches({{"a", "b,c"}, {"spec.nodeName", "n"}}));
  EXPECT_FALSE(selector->matches({{"a", "b,c"}}));
  EXPECT_EQ(selector->text(), "a=b\\,c,spec.nodeName!=");
  EXPECT_FALSE(FieldSelector::parse("a=b\\x"));
}

Container container(std::string_view cpu, std::optional<std::string> restart = std::nullopt) {
  Container out;
  out.restartPolicy = std::move(restart);
  if (!cpu.empty()) out.resources.requests["cpu"] = *Quantity::parse(cpu);
  return out;
}

std::string cpu(const PodSpec& spec, const PodRequestOptions& options = {}) {
  const ResourceList requests = pod_requests(spec, options);
  const auto at = requests.find("cpu");
  if (options.missing == nullptr && !options.without_overhead)
    EXPECT_EQ(pod_request(spec, "cpu"), at == requests.end() ? Quantity() : at->second);
  return at == requests.end() ? "" : at->second.text();
}

TEST(PodRequests, TakesTheLargerOfStartingAndRunning) {
  PodSpec spec;
  spec.containers = {container("1"), container("500m")};
  EXPECT_EQ(cpu(spec), "1500m");
  spec.initContainers = {container("2")};
  EXPECT_EQ(cpu(spec), "2");
}

TEST(PodRequests, CountsSidecarsInBoth) {
  PodSpec spec;
  spec.containers = {container("1")};
  spec.initContainers = {container("1", "Always"), container("2")};
  EXPECT_EQ(cpu(spec), "3");  // the second init container runs beside the sidecar
  spec.initContainers = {container("2"), container("2500m", "Always")};
  EXPECT_EQ(cpu(spec), "3500m");
}

TEST(PodRequests, AddsOverheadAndDefaults) {
  PodSpec spec;
  spec.containers = {container(""), container("1")};
  spec.overhead["cpu"] = *Quantity::parse("250m");
  EXPECT_EQ(cpu(spec), "1250m");
  EXPECT_EQ(cpu(spec, {true, nullptr}), "1");
  const ResourceList missing = {{"cpu", *Quantity::parse("100m")}};
  EXPECT_EQ(cpu(spec, {true, &missing}), "1100m");
}

TEST(QosClass, FollowsRequestsAndLimits) {
  PodSpec spec;
  spec.containers = {container("")};
  EXPECT_EQ(qos_class(spec), QosClass::BestEffort);
  spec.containers = {container("1")};
  EXPECT_EQ(qos_class(spec), QosClass::Burstable);
  auto& resources = spec.containers[0].resources;
  resources.requests["memory"] = *Quantity::parse("1Gi");
  resources.limits = resources.requests;
  EXPECT_EQ(qos_class(spec), QosClass::Guaranteed);
}

TEST(Conditions, KeepTheirTimeWhileTheirStatusStays) {
  const auto at = [](std::int64_t seconds) { return Instant() + Duration::seconds(seconds); };
  std::vector<PodCondition> conditions = {{"Ready", "True", "", "", at(1), {}}};
  EXPECT_TRUE(set_condition(conditions, {"PodScheduled", "False", "Busy", "full", at(2), {}}));
  EXPECT_TRUE(set_condition(conditions, {"PodScheduled", "False", "Busy", "fuller", at(3), {}}));
  EXPECT_EQ(conditions[1].message, "fuller");
  EXPECT_EQ(conditions[1].lastTransitionTime, at(2));
  EXPECT_FALSE(set_condition(conditions, {"PodScheduled", "False", "Busy", "fuller", at(4), {}}));
  EXPECT_TRUE(set_condition(conditions, {"PodScheduled", "True", "", "", at(5), {}}));
  EXPECT_EQ(conditions[1].lastTransitionTime, at(5));
  condition_of(conditions, "Ready").status = "False";
  EXPECT_EQ(conditions[0].status, "False");
  EXPECT_EQ(conditions.size(), 2U);
}

TEST(IntOrString, ScalesPercentages) {
  EXPECT_EQ(*scaled_value(IntOrString::from_string("25%"), 10, true), 3);
  EXPECT_EQ(*scaled_value(IntOrString::from_string("25%"), 10, false), 2);
  EXPECT_EQ(*scaled_value(IntOrString::from_int(7), 3, true), 7);
  EXPECT_FALSE(scaled_value(IntOrString::from_string("25"), 10, true));
  EXPECT_TRUE(parse_int_or_string("2147483648").is_string());
}

TEST(Names, FitIn63Bytes) {
  EXPECT_EQ(name_prefix(std::string(100, 'a')).size() + kRandomSuffixLength, 63U);
  EXPECT_EQ(safe_encode("9"), "f");
}

TEST(Validation, NamesWhatIsWrong) {
  EXPECT_TRUE(check_qualified_name("nvidia.com/gpu").empty());
  EXPECT_EQ(check_qualified_name("/gpu"), Problems{"prefix part must be non-empty"});
  EXPECT_TRUE(check_dns1123_label("a-1").empty());
  EXPECT_EQ(check_dns1123_label("a.b"), Problems{"must not contain dots"});
  EXPECT_TRUE(check_cidr("f", "10.0.0.0/8").empty());
  EXPECT_TRUE(check_ip("f", "::ffff:1.2.3.4").empty());
  EXPECT_FALSE(check_ip("f", "1.2.3").empty());
  ObjectMeta meta;
  EXPECT_EQ(check_object_meta(meta, 0, true, NameRule::DnsSubdomain, "metadata"),
            (Problems{"metadata.name: Required value: name or generateName is required",
                      "metadata.namespace: Required value"}));
}

}  // namespace
}  // namespace gputide::model
