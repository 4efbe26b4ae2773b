// gputide check on samples and on the documents' own files: what it finds, and that mending mends.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "app/edits.h"
#include "app/findings.h"
#include "app/input.h"
#include "app/mend.h"
#include "app/save.h"
#include "tests/repository_root.h"

namespace gputide::app {
namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void spill(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// Names in findings are as given, so tests name files as a person at the repository's root would.
class Check : public ::testing::Test {
 protected:
  void SetUp() override {
    here_ = fs::current_path();
    fs::current_path(tests::repository_root());
  }
  void TearDown() override { fs::current_path(here_); }

  static std::vector<std::string> files_in(const fs::path& folder, std::string_view prefix = "") {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().extension() == ".yaml" &&
          entry.path().filename().string().starts_with(prefix))
        files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    return files;
  }

  struct Run {
    Checked checked;
    Diagnostics diagnostics;
  };
  static Run run(const std::vector<std::string>& paths) {
    InputOptions options;
    options.paths = paths;
    Diagnostics diagnostics;
    Checked checked = load_and_check(options, {}, diagnostics);
    return {std::move(checked), std::move(diagnostics)};
  }

  static std::string report(const Run& run) {
    std::string out;
    for (const Diagnostic& finding : in_order(run.diagnostics, run.checked.input))
      out += text(finding) + " [" + finding.code + "]\n";
    return out;
  }

  // Compares with the accepted text; GPUTIDE_ACCEPT=1 accepts anew.
  static void expect_accepted(const std::string& name, const std::string& got) {
    const fs::path golden = fs::path("tests/check/golden") / (name + ".golden");
    if (std::getenv("GPUTIDE_ACCEPT") != nullptr) {
      fs::create_directories(golden.parent_path());
      spill(golden, got);
    }
    EXPECT_EQ(got, slurp(golden)) << golden << "; GPUTIDE_ACCEPT=1 accepts what was found";
  }

  fs::path here_;
};

TEST_F(Check, Samples) {
  for (const char* folder : {"tests/check/good", "tests/check/samples"})
    for (const std::string& file : files_in(folder))
      expect_accepted(fs::path(file).stem().string(), report(run({file})));
}

TEST_F(Check, SharedInputs) {
  const fs::path inputs = "../shared/inputs";
  if (!fs::exists(inputs)) {
    std::cout << "skipped: ../shared/inputs is not there\n";
    GTEST_SKIP();
  }
  for (const char* set : {"000", "002", "004"})
    expect_accepted(std::string("inputs-") + set, report(run(files_in(inputs, set))));
}

TEST_F(Check, EveryCodeIsShownByASample) {
  std::set<std::string> shown;
  for (const auto& entry : fs::directory_iterator("tests/check/golden")) {
    if (entry.path().stem().string().ends_with("-mended")) continue;  // a diff
    std::istringstream lines(slurp(entry.path()));
    for (std::string line; std::getline(lines, line);)
      if (const std::size_t at = line.rfind('['); at != std::string::npos)
        shown.insert(line.substr(at + 1, line.size() - at - 2));
  }
  // Shown by tests/scenarios: files that are too big, or not there.
  for (const char* elsewhere : {"empty-directory", "input-limit", "yaml-limit"})
    shown.insert(elsewhere);
  std::set<std::string> listed;
  for (const checking::Code& code : checking::codes()) listed.insert(std::string(code.name));
  EXPECT_EQ(shown, listed);
}

std::string reference() {
  std::string out =
      "# Diagnostics\n\n"
      "What `gputide check` finds, by code (`-o json` carries it). An *error* is what eksctl, the "
      "API "
      "server, AWS or\nthe program itself refuses; a *warning* is what they take without a word "
      "although "
      "it does not do what was\nmeant. `--fix` mends the marked ones, at least in the cases where "
      "the "
      "intent is clear; `--diff` shows how.\n\n"
      "| code | | meaning | what to write instead | `--fix` |\n|---|---|---|---|---|\n";
  for (const checking::Code& code : checking::codes())
    out += "| `" + std::string(code.name) + "` | " + std::string(code.severity) + " | " +
           std::string(code.meaning) + " | " + std::string(code.remedy) + " | " +
           (code.fixed ? "yes" : "") + " |\n";
  return out;
}

TEST_F(Check, ReferenceIsComplete) {
  const fs::path page = "docs/reference/diagnostics.md";
  if (std::getenv("GPUTIDE_ACCEPT") != nullptr) spill(page, reference());
  EXPECT_EQ(reference(), slurp(page)) << page << "; GPUTIDE_ACCEPT=1 writes it anew";
  const auto codes = checking::codes();
  EXPECT_TRUE(std::is_sorted(codes.begin(), codes.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
}

TEST_F(Check, MendingTwiceChangesNothingAndKeepsComments) {
  std::vector<std::string> files = files_in("tests/check/samples");
  if (fs::exists("../shared/inputs"))
    for (const std::string& file : files_in("../shared/inputs")) files.push_back(file);
  for (const std::string& file : files) {
    SCOPED_TRACE(file);
    const Run first = run({file});
    const Mended once = mend(first.checked, first.diagnostics);
    const Mended twice = mend({once.input, first.checked.catalogue}, once.diagnostics);
    ASSERT_EQ(once.input.files.size(), twice.input.files.size());
    if (once.input.files.empty()) continue;
    const std::string before = slurp(file);
    const std::string& after = once.input.files[0].text;
    EXPECT_EQ(after, twice.input.files[0].text);
    std::istringstream lines(before);
    for (std::string line; std::getline(lines, line);)
      if (const std::size_t comment = line.find(" # "); comment != std::string::npos)
        EXPECT_NE(after.find(line.substr(comment)), std::string::npos) << line;
    const auto fixable =
        std::count_if(once.diagnostics.list().begin(), once.diagnostics.list().end(),
                      [](const Diagnostic& finding) { return !finding.fix.empty(); });
    EXPECT_EQ(fixable, 0);
  }
}

TEST_F(Check, MendedSamples) {
  for (const char* name : {"tags", "pods", "plugins"}) {
    const std::string file = std::string("tests/check/samples/") + name + ".yaml";
    const Run first = run({file});
    const Mended mended = mend(first.checked, first.diagnostics);
    expect_accepted(std::string(name) + "-mended",
                    unified_diff(file, slurp(file), mended.input.files[0].text));
  }
}

TEST(Edits, AreMadeWhollyOrNotAtAll) {
  const auto finding = [](std::vector<Edit> edits) {
    Diagnostic d;
    d.fix = std::move(edits);
    return d;
  };
  const Diagnostic first = finding({{{1, 1, 0, 1}, "A"}, {{1, 3, 2, 3}, "C"}});
  const Diagnostic clash = finding({{{1, 2, 1, 2}, "B"}, {{1, 3, 2, 3}, "X"}});
  const Diagnostic insert = finding({{{1, 5, 4, 4}, "!"}});
  const Diagnostic outside = finding({{{1, 9, 8, 9}, "?"}});
  const Edited edited = make_fixes("abcd", {&first, &clash, &insert, &outside});
  EXPECT_EQ(edited.text, "AbCd!");
  EXPECT_EQ(edited.made, 2u);
}

TEST(UnifiedDiff, IsWhatDiffPrints) {
  EXPECT_EQ(unified_diff("f", "a\n", "a\n"), "");
  EXPECT_EQ(unified_diff("f", "a\nb\nc\n", "a\nx\nc\n"),
            "--- f\n+++ f\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
  EXPECT_EQ(unified_diff("f", "", "a\n"), "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+a\n");
  EXPECT_EQ(unified_diff("f", "a", "a\n"),
            "--- f\n+++ f\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n");
  const std::string before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n";
  std::string after = before;
  after.replace(after.find("1\n"), 2, "one\n").replace(after.find("12\n"), 3, "twelve\n");
  EXPECT_EQ(unified_diff("f", before, after),
            "--- f\n+++ f\n@@ -1,4 +1,4 @@\n-1\n+one\n 2\n 3\n 4\n"
            "@@ -9,4 +9,4 @@\n 9\n 10\n 11\n-12\n+twelve\n");
}

TEST(Save, ReplacesAllFilesOrNone) {
  const fs::path folder = fs::temp_directory_path() / "gputide-save-test";
  fs::remove_all(folder);
  fs::create_directories(folder);
  const std::string a = folder / "a";
  const std::string b = folder / "b";
  spill(a, "old a");
  spill(b, "old b");
  const auto refused = save_all({{a, "new a"}, {folder / "gone" / "c", "new c"}});
  EXPECT_FALSE(refused.has_value());
  EXPECT_EQ(slurp(a), "old a");
  EXPECT_TRUE(save_all({{a, "new a"}, {b, "new b"}}).has_value());
  EXPECT_EQ(slurp(a), "new a");
  EXPECT_EQ(slurp(b), "new b");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 2);
  fs::remove_all(folder);
}

TEST(Resolve, PathsAreRelativeToTheFileThatNamesThem) {
  EXPECT_EQ(resolve("a/scenario.yaml", "cluster.yaml"), "a/cluster.yaml");
  EXPECT_EQ(resolve("a/scenario.yaml", "../cluster.yaml"), "cluster.yaml");
  EXPECT_EQ(resolve("scenario.yaml", "./cluster.yaml"), "./cluster.yaml");
  EXPECT_EQ(resolve("a/scenario.yaml", "/cluster.yaml"), "/cluster.yaml");
  EXPECT_EQ(resolve("-", "cluster.yaml"), "cluster.yaml");
}

}  // namespace
}  // namespace gputide::app
