// One small run, told in every form.
#include <gmock/gmock.h>

#include <gtest/gtest.h>

#include "codec/json.h"
#include "report/event_log.h"
#include "report/page.h"
#include "report/progress.h"
#include "report/result_json.h"
#include "report/series.h"
#include "report/story_fixture.h"
#include "report/summary.h"
#include "report/timeline.h"

namespace gputide::report {
namespace {

using ::testing::HasSubstr;

std::string timeline(TimelineOptions options = {}) {
  std::string text;
  Timeline recorder(options, [&](std::string_view part) { text += part; });
  tell_small_story(recorder);
  recorder.finish();
  return text;
}

TEST(Timeline, TellsASmallRun) {
  EXPECT_EQ(timeline(), R"(gputide: cluster gaia-kube in us-west-2, seed 1, until 2h

 0:00:00     user                   cluster.yaml: ClusterConfig gaia-kube created
 0:00:00  !  eksctl                 group gpu-a: the taint tag has no effect; write value:effect
 0:05:00     user                   work.yaml: Deployment default/train created
 0:05:00     deployment             10 pods (default/train-*) created, each asks for 1 nvidia.com/gpu
 0:05:00  !  kube-scheduler         10 pods (default/train-*) wait: 0/2 nodes are available: 2 Insufficient nvidia.com/gpu
 0:05:10  >  cluster-autoscaler     gpu-a 0 → 3: 10 pods need 3 nodes; random of 2 groups
 0:05:12  +$ ec2                    3 × g4dn.12xlarge launched in us-west-2a for gpu-a, spot at $1.17 an hour each, 4 GPUs each: cheapest of 5
 0:07:00     kubelet                3 nodes (g4dn.12xlarge) are ready, 1m48s to 2m8s after their launch [within 20s]
 0:07:30     kubelet                3 nodes offer 4 nvidia.com/gpu each
 0:08:10     kubelet                10 pods (default/train-*) run on 3 nodes after 3m10s to 3m19s
 0:12:00  !! ec2                    AWS takes g4dn.12xlarge back in two minutes
 0:14:00  !! ec2                    g4dn.12xlarge terminated: AWS took it back; $0.17 for 8m48s
 0:20:00     kubelet                6 pods (default/train-*) succeeded
 0:20:10     cluster-autoscaler     node ip-1: nobody needs it; it goes in 10m
 0:30:10  >  cluster-autoscaler     node ip-1: empty for 10m0s
 0:30:12  -$ ec2                    2 × g4dn.12xlarge terminated: scale-in; $0.98 for 25m each
 0:30:12     pod-gc                 4 pods (default/train-*) deleted
 2:00:00     gputide                nothing more will happen
)");
}

TEST(Timeline, BreaksLinesAtTheWidth) {
  TimelineOptions options;
  options.style.width = 72;
  const std::string text = timeline(options);
  for (const std::string_view line : {"2 Insufficient", "4 GPUs each"})
    EXPECT_THAT(text, HasSubstr(line));
  std::size_t start = 0;
  while (start < text.size()) {
    const std::size_t end = text.find('\n', start);
    EXPECT_LE(columns(text.substr(start, end - start)), 73u);
    start = end + 1;
  }
}

TEST(Timeline, ColoursOnlyWhereAskedFor) {
  EXPECT_EQ(timeline().find('\x1b'), std::string::npos);
  TimelineOptions options;
  options.style.colour = true;
  EXPECT_THAT(timeline(options), HasSubstr("\x1b[31m!!\x1b[0m"));
}

TEST(Timeline, WideTellsEveryRecord) {
  TimelineOptions options;
  options.wide = true;
  const std::string text = timeline(options);
  EXPECT_THAT(text, HasSubstr("pod default/train-3 runs on ip-"));
  EXPECT_THAT(text, HasSubstr("kube-system/plugin-0"));
}

TEST(Timeline, LeavesOutTheRestOfLongOnes) {
  TimelineOptions options;
  options.most_lines = 3;
  EXPECT_THAT(timeline(options), HasSubstr("... and 14 more lines"));
}

TEST(EventLog, WritesEveryRecord) {
  std::vector<std::string> lines;
  EventLog log([&](std::string_view line) { lines.emplace_back(line); });
  tell_small_story(log);
  EXPECT_EQ(lines[0],
            R"({"time":"2026-01-01T00:00:00Z","at":0,"kind":"RunStarted","actor":"gputide",)"
            R"("subject":"run","fields":{"seed":1,"until_seconds":7200,"region":"us-west-2",)"
            R"("cluster":"gaia-kube"}})"
            "\n");
  for (const std::string& line : lines) EXPECT_TRUE(codec::read_json(line).has_value()) << line;
  EXPECT_THAT(lines.back(), HasSubstr(R"("at":7200,"kind":"RunEnded")"));
}

TEST(EventLog, KeepsNanosecondsAndDollars) {
  std::string line;
  EventLog log([&](std::string_view text) { line = text; });
  const Instant start = Instant::from_seconds(1'767'225'600);
  log.record({start, port::RecordKind::Event, "a", "b", "", {}});
  log.record({start + Duration::milliseconds(1'500),
              port::RecordKind::Event,
              "a",
              "b",
              "\"x\"\n",
              {{"money", Money::micros(1'250'000)}}});
  EXPECT_EQ(line,
            R"({"time":"2026-01-01T00:00:01.5Z","at":1.5,"kind":"Event","actor":"a","subject":"b",)"
            R"("message":"\"x\"\n","fields":{"money":1.25}})"
            "\n");
}

TEST(History, SharesAndSteps) {
  History history;
  tell_small_story(history);
  history.finish();
  EXPECT_EQ(history.machines.size(), 3u);
  EXPECT_EQ(history.pods.size(), 10u);
  const Bought bought = bought_of(history);
  EXPECT_EQ(bought.gpus, 12);
  EXPECT_EQ(bought.asked, 10);
  EXPECT_EQ(bought.used_micros, 10'000'000);
  EXPECT_EQ(bought.resource, "nvidia.com/gpu");
  const std::vector<Step> steps = steps_of(history);
  EXPECT_EQ(steps.front().nodes, 0);
  EXPECT_EQ(steps.back().nodes, 0);
  EXPECT_EQ(steps.back().per_hour, Money());
  EXPECT_EQ(steps.back().pods_running, 0);
}

TEST(Series, OneRowAChange) {
  History history;
  tell_small_story(history);
  history.finish();
  std::map<std::string, std::string> files;
  write_series(history, [&](std::string_view name, std::string text) {
    files[std::string(name)] = std::move(text);
  });
  EXPECT_THAT(files["series.csv"], HasSubstr("\n312,3,3,12,0,10,0,3.51\n"));
  EXPECT_THAT(files["series.csv"], ::testing::EndsWith(",0,0,0,0,0,0,0\n"));
  EXPECT_THAT(files["prices.csv"], HasSubstr("600,g4dn.12xlarge,us-west-2a,spot,1.3\n"));
  EXPECT_THAT(files["machines.csv"],
              HasSubstr("i-0,ip-0,gpu-a,g4dn.12xlarge,us-west-2a,spot,4,312,"));
  EXPECT_THAT(files["pods.csv"], HasSubstr("default/train-0,Deployment/train,nvidia.com/gpu,1,"));
}

TEST(Summary, SaysWhatWasBoughtForWhat) {
  History history;
  tell_small_story(history);
  history.finish();
  const std::string text = summary_text(history, small_result(), {});
  EXPECT_EQ(text, R"(
Summary
  time        2h in 0.1s (1,234 events; seed 1, fingerprint 00000000deadbeef)
  nodes       0 → 3 → 0 GPU nodes; 2 other nodes without GPUs
  GPUs        12 GPUs bought for 10 asked; idle for 50 % of their 4h
  pods        10 created, 6 succeeded, 4 failed
  waits       3m12s half of the pods, 3m19s 95 %, 3m19s the longest; from creation to running
  spot        1 interruption, 1 drained in time, 24m of work lost
  cost        $1.50, of it $1.15 for GPU nodes, of that $0.58 (50 %) while nobody held their GPUs
              g4dn.12xlarge    spot           3 ×    58m48s       $1.15
)");
}

TEST(ResultJson, SaysTheCostByItsBound) {
  port::RunResult result = small_result();
  EXPECT_EQ(summary_text(History(), result, {}).find("× that"), std::string::npos);
  result.cost.lower_bound = Money::micros(1'400'000);
  result.cost.over_bound_permille = 1071;
  EXPECT_NE(summary_text(History(), result, {}).find("for less than $1.40 (1.07 × that)"),
            std::string::npos);
  EXPECT_EQ(
      codec::read_json(result_json(result)).value().at("cost", "over_bound_permille")->as_int(),
      1071);
}

TEST(ResultJson, HasTheDocumentedKeys) {
  const std::string text = result_json(small_result());
  const auto value = codec::read_json(text).value();
  EXPECT_EQ(value.at("seed")->as_int(), 1);
  EXPECT_EQ(value.text_at("fingerprint"), "00000000deadbeef");
  EXPECT_EQ(value.at("virtual_seconds")->as_int(), 7200);
  EXPECT_EQ(value.at("cost", "total_usd")->as_double(), 1.5);
  EXPECT_TRUE(value.at("cost", "lower_bound_usd")->is_null());
  EXPECT_EQ(value.at("nodes", "by_type", "g4dn.12xlarge")->as_int(), 3);
  EXPECT_EQ(value.at("pods", "succeeded")->as_int(), 6);
  EXPECT_EQ(value.at("wait_seconds", "p95")->as_int(), 199);
  EXPECT_EQ(value.at("gpu", "seconds_bought")->as_int(), 14'400);
  EXPECT_EQ(value.at("spot", "pod_seconds_lost")->as_int(), 1440);
  EXPECT_EQ(value.at("diagnostics")->as_list().front().text_at("code"), "tag-without-effect");
}

TEST(Page, CarriesTheRunAndNothingFromElsewhere) {
  History history;
  tell_small_story(history);
  history.finish();
  port::RunResult result = small_result();
  result.diagnostics[0].what = "</script><b>";
  const std::string page = report_page(history, result);
  EXPECT_TRUE(page.find("\"cluster\":\"gaia-kube\"") != std::string::npos);
  EXPECT_TRUE(page.find("\\u003c/script>\\u003cb>") != std::string::npos);
  for (const char* remote : {"http://", "https://", "src=", "@import", "@STYLE@", "@SCRIPT@"})
    EXPECT_EQ(page.find(remote), std::string::npos) << remote;
  const std::size_t begin = page.find("id=\"data\">") + 10;
  const auto data = codec::read_json(page.substr(begin, page.find("</script>", begin) - begin));
  ASSERT_TRUE(data.has_value());
  EXPECT_EQ(data->at("machines", "t0")->as_list().size(), 3u);
  EXPECT_EQ(data->at("left")->as_list().size(), 0u);
}

TEST(Page, SaysWhatItLeavesOut) {
  History history;
  tell_small_story(history);
  history.finish();
  PageLimits limits;
  limits.machines = 2;
  limits.pods = 4;
  limits.lines = 5;
  limits.steps = 3;
  const std::string page = report_page(history, small_result(), limits);
  EXPECT_TRUE(page.find("the 1 shortest lives of machines") != std::string::npos);
  EXPECT_TRUE(page.find("the 6 shortest lives of pods") != std::string::npos);
  EXPECT_TRUE(page.find("13 lines of what happened") != std::string::npos);
  EXPECT_TRUE(page.find("their peaks are shown") != std::string::npos);
}

TEST(Progress, DrawsOnlyAfterAWhileAndNotTooOften) {
  std::vector<std::string> drawn;
  Progress progress(Duration::hours(2), [&](std::string_view text) { drawn.emplace_back(text); });
  progress.update(Duration::milliseconds(100), Duration::minutes(10), 10);
  EXPECT_TRUE(drawn.empty());
  progress.update(Duration::milliseconds(600), Duration::hours(1), 6000);
  progress.update(Duration::milliseconds(650), Duration::hours(1), 6100);
  ASSERT_EQ(drawn.size(), 1u);
  EXPECT_THAT(drawn[0], HasSubstr("50 %"));
  EXPECT_THAT(drawn[0], HasSubstr("10,000 a second"));
  progress.finish();
  EXPECT_EQ(drawn.back(), "\r\x1b[K");
}

TEST(Style, Texts) {
  EXPECT_EQ(clock_text(Duration::seconds(93'784)), "1d 02:03:04");
  EXPECT_EQ(span_text(Duration::milliseconds(1'234)), "1.2s");
  EXPECT_EQ(span_text(Duration::seconds(4320)), "1h12m");
  EXPECT_EQ(money_text(Money::micros(1'234'567'890)), "$1,234.57");
  EXPECT_EQ(money_text(Money::micros(4200)), "$0.0042");
  EXPECT_EQ(price_text(Money::micros(34'400)), "$0.034");
  EXPECT_EQ(group_text("eksctl-tide-nodegroup-gpu-a-NodeGroup-EO13PT9B00ZS"), "gpu-a");
  EXPECT_EQ(group_text("eks-gpu-b-3ac2f6d4-1111-2222-3333-444455556666"), "gpu-b");
  EXPECT_EQ(group_text("workers"), "workers");
  EXPECT_EQ(percent_text(1, 3), "33 %");
  NamePattern names;
  names.add("default/train-7d9f-abc");
  names.add("default/train-7d9f-abd");
  EXPECT_EQ(names.text(), "default/train-7d9f-*");
}

}  // namespace
}  // namespace gputide::report
