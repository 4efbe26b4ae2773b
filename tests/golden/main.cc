// gputide-golden [DIR] [--only FILE] [--show N]: compares our answers with the real programs', file
// by file. Prints `FILE: N equal, N listed, N unequal`, then the first unequal ids with both
// answers. Exit 1 if any is unequal, 2 if DIR has no such files. Listed cases are deliberate
// differences: tests/golden/listed.txt, explained in docs/differences.md.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <zlib.h>

#include <fmt/core.h>

#include "tests/golden/golden.h"

namespace gputide::golden {
namespace {

std::map<std::string, Checker, std::less<>>& checkers() {
  static std::map<std::string, Checker, std::less<>> all;
  return all;
}

std::string read_gzip(const std::filesystem::path& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) throw std::runtime_error(path.string() + ": cannot be opened");
  std::string text;
  char buffer[1 << 16];
  int got = 0;
  while ((got = gzread(file, buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<std::size_t>(got));
  gzclose(file);
  if (got < 0) throw std::runtime_error(path.string() + ": not a whole gzip file");
  return text;
}

std::vector<Value> read_cases(const std::filesystem::path& path) {
  std::vector<Value> cases;
  std::istringstream lines(read_gzip(path));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    Result<Value> value = codec::read_json(line);
    if (!value) throw std::runtime_error(path.string() + ": " + value.error().message);
    cases.push_back(std::move(*value));
  }
  return cases;
}

// Lines of "FILE ID reason"; '#' starts a comment.
std::map<std::string, std::set<std::string>> read_listed(const std::filesystem::path& path) {
  std::map<std::string, std::set<std::string>> listed;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string file, id;
    if (words >> file >> id && file[0] != '#') listed[file].insert(id);
  }
  return listed;
}

std::string shorten(const std::string& text, std::size_t limit) {
  return text.size() <= limit ? text : text.substr(0, limit) + " ...";
}

struct Options {
  std::filesystem::path dir;
  std::filesystem::path listed;
  std::string only;
  std::size_t show = 5;
};

int run(const Options& options) {
  const auto listed = read_listed(options.listed);
  int files = 0;
  bool all_equal = true;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(options.dir))
    if (entry.path().string().ends_with(".jsonl.gz")) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    const std::string name =
        path.filename().string().substr(0, path.filename().string().size() - 9);
    if (!options.only.empty() && name != options.only) continue;
    const auto checker = checkers().find(name);
    if (checker == checkers().end()) {
      fmt::print("{}: no checker; its cases are not compared\n", name);
      continue;
    }
    ++files;
    const std::vector<Value> cases = read_cases(path);
    Report report;
    checker->second(cases, report);
    std::size_t listed_count = 0;
    std::vector<const Report::Unequal*> unequal;
    const auto known = listed.find(name);
    for (const Report::Unequal& each : report.unequal_cases()) {
      if (known != listed.end() && known->second.contains(each.id))
        ++listed_count;
      else
        unequal.push_back(&each);
    }
    fmt::print("{}: {} equal, {} listed, {} unequal\n", name, report.equal_count(), listed_count,
               unequal.size());
    for (std::size_t i = 0; i < unequal.size() && i < options.show; ++i)
      fmt::print("  {}\n    ours:   {}\n    theirs: {}\n", unequal[i]->id,
                 shorten(unequal[i]->ours, 1500), shorten(unequal[i]->theirs, 1500));
    all_equal = all_equal && unequal.empty();
    std::fflush(stdout);
  }
  if (files == 0) {
    fmt::print(stderr, "{}: no golden files (*.jsonl.gz) with a checker\n", options.dir.string());
    return 2;
  }
  return all_equal ? 0 : 1;
}

}  // namespace

void Report::unequal(std::string_view id, std::string ours, std::string theirs) {
  unequal_.push_back({std::string(id), std::move(ours), std::move(theirs)});
}

void Report::compare(std::string_view id, const std::string& ours, const std::string& theirs) {
  if (ours == theirs)
    equal();
  else
    unequal(id, ours, theirs);
}

void Report::compare(std::string_view id, const Value& ours, const Value& theirs) {
  if (ours == theirs)
    equal();
  else
    unequal(id, codec::write_json(ours), codec::write_json(theirs));
}

Register::Register(std::string_view file, Checker checker) {
  checkers().emplace(file, checker);
}

std::string_view id_of(const Value& golden_case) {
  return need(golden_case, "id").as_string();
}

const Value& need(const Value& value, std::string_view key) {
  const Value* found = value.find(key);
  if (found == nullptr) throw std::runtime_error(fmt::format("golden case without \"{}\"", key));
  return *found;
}

std::vector<std::string> texts(const Value* list) {
  std::vector<std::string> out;
  if (list != nullptr && list->is_list())
    for (const Value& item : list->as_list()) out.push_back(item.as_string());
  return out;
}

}  // namespace gputide::golden

int main(int argc, char** argv) {
  gputide::golden::Options options{"tests/golden/data", "tests/golden/listed.txt", "", 5};
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--only" && i + 1 < argc)
      options.only = argv[++i];
    else if (word == "--show" && i + 1 < argc)
      options.show = static_cast<std::size_t>(std::strtoul(argv[++i], nullptr, 10));
    else if (word == "--listed" && i + 1 < argc)
      options.listed = argv[++i];
    else
      options.dir = word;
  }
  try {
    return gputide::golden::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "gputide-golden: {}\n", error.what());
    return 2;
  }
}
