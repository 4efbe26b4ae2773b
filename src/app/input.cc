#include "app/input.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <system_error>

#include <fmt/core.h>

#include "codec/aws_answers.h"
#include "codec/objects.h"
#include "codec/yaml.h"

namespace gputide::app {
namespace {

namespace fs = std::filesystem;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

Result<std::string> read_stream(std::FILE* stream, std::size_t limit) {
  std::string text;
  char buffer[1 << 16];
  std::size_t got = 0;
  while ((got = std::fread(buffer, 1, sizeof buffer, stream)) > 0) {
    text.append(buffer, got);
    if (text.size() > limit)
      return fail(fmt::format("more than {} MiB, which is the most that is read", limit >> 20));
  }
  if (std::ferror(stream) != 0) return fail(std::strerror(errno));
  return text;
}

bool is_document(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

template <class Iterator>
Result<std::vector<std::string>> documents_in(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (Iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (is_document(it->path()) && !it->is_directory(ignored)) found.push_back(it->path().string());
  }
  if (error) return fail(error.message());
  std::sort(found.begin(), found.end());
  return found;
}

std::string real_path(const std::string& name) {
  if (name == "-") return name;
  std::error_code error;
  const fs::path path = fs::weakly_canonical(name, error);
  return error ? name : path.string();
}

constexpr std::size_t kFileLimit = codec::YamlLimits{}.bytes;
constexpr std::size_t kTotalLimit = 4 * kFileLimit;  // of all files together

void read_text(InputFile& file, Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.list().size();
  file.objects = codec::read_objects(file.text, file.name, diagnostics);
  if (file.objects.empty() && diagnostics.list().size() == before)
    diagnostics.error(file.name, {1, 1, 0, 0}, "empty-file", "there is no object in this file",
                      "write apiVersion:, kind: and metadata:, or leave the file out");
}

class Loader {
 public:
  Loader(Input& input, Diagnostics& diagnostics)
      : input_(input), problems_(input.problems), diagnostics_(diagnostics) {}

  void add_given(const std::string& path, bool recursive) {
    std::error_code ignored;
    if (path == "-" || !fs::is_directory(path, ignored)) return add_given_file(path);
    const auto files = recursive ? documents_in<fs::recursive_directory_iterator>(path)
                                 : documents_in<fs::directory_iterator>(path);
    if (!files) {
      problems_.error(path, {}, "unreadable-file", files.error().message);
    } else if (files->empty()) {
      problems_.error(path, {}, "empty-directory", "no file here ends in .yaml, .yml or .json",
                      recursive ? "name the files" : "name the files, or add -R");
    } else {
      for (const std::string& file : *files) add_given_file(file);
    }
  }

  void add_applied() {
    for (std::size_t i = 0; i < input_.files.size(); ++i) {
      if (!input_.files[i].given)
        continue;  // a Scenario that is only applied has no steps of its own
      for (const model::Object& object : input_.files[i].objects)
        if (const auto* scenario = object.as<model::Scenario>()) add_steps(object, *scenario);
    }
  }

 private:
  InputFile* find(const std::string& name) {
    const auto found = by_path_.find(real_path(name));
    return found == by_path_.end() ? nullptr : &input_.files[found->second];
  }

  void add_given_file(const std::string& path) {
    if (find(path) != nullptr) return;
    const auto text = read_file(path, kFileLimit);
    if (!text) return problems_.error(path, {}, "unreadable-file", text.error().message);
    add_text(path, *text).given = true;
  }

  InputFile& add_text(const std::string& name, std::string text) {
    InputFile& file = input_.files.emplace_back();
    file.name = name;
    file.path = real_path(name);
    by_path_.emplace(file.path, input_.files.size() - 1);
    file.text = std::move(text);
    total_ += file.text.size();
    if (total_ > kTotalLimit) {
      problems_.error(name, {}, "input-limit",
                      fmt::format("the files up to this one have more than {} MiB, which is the "
                                  "most that is read at once",
                                  kTotalLimit >> 20));
      return file;
    }
    read_text(file, diagnostics_);
    return file;
  }

  void add_steps(const model::Object& object, const model::Scenario& scenario) {
    for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
      for (std::size_t j = 0; j < scenario.steps[i].apply.size(); ++j)
        add_applied_file(object.file, scenario.steps[i].apply[j], place(object, i, j));
    }
  }

  static Span place(const model::Object& object, std::size_t step, std::size_t path) {
    const model::Value* steps = object.source.find("steps");
    if (steps == nullptr || !steps->is_list() || step >= steps->as_list().size()) return {};
    const model::Value* apply = steps->as_list()[step].find("apply");
    if (apply == nullptr || !apply->is_list() || path >= apply->as_list().size()) return {};
    return apply->as_list()[path].where;
  }

  void add_applied_file(const std::string& scenario, const std::string& written, Span where) {
    const std::string path = resolve(scenario, written);
    InputFile* file = find(path);
    if (file == nullptr) {
      const auto text = read_file(path, kFileLimit);
      if (!text)
        return problems_.error(scenario, where, "unreadable-file",
                               fmt::format("{} cannot be read: {}", path, text.error().message),
                               "write a path relative to this file");
      file = &add_text(path, *text);
    }
    file->applied = true;
  }

  Input& input_;
  Diagnostics& problems_;     // of files
  Diagnostics& diagnostics_;  // of what is in them
  std::map<std::string, std::size_t> by_path_;
  std::size_t total_ = 0;
};

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  if (path == "-") return read_stream(stdin, limit);
  std::error_code error;
  if (fs::is_directory(path, error)) return fail("this is a directory, and a file is needed");
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (!file) return fail(std::strerror(errno));
  return read_stream(file.get(), limit);
}

std::string resolve(std::string_view from, std::string_view path) {
  const fs::path written(path);
  if (written.is_absolute() || from == "-") return written.lexically_normal().string();
  const fs::path folder = fs::path(from).parent_path();
  return folder.empty() ? written.string() : (folder / written).lexically_normal().string();
}

std::vector<const model::Object*> Input::objects() const {
  std::vector<const model::Object*> all;
  for (const InputFile& file : files)
    for (const model::Object& object : file.objects) all.push_back(&object);
  return all;
}

const InputFile* Input::find(std::string_view scenario_file, std::string_view path) const {
  const std::string wanted = real_path(resolve(scenario_file, path));
  for (const InputFile& file : files)
    if (file.path == wanted) return &file;
  return nullptr;
}

Input load_input(const InputOptions& options, Diagnostics& diagnostics) {
  Input input;
  Loader loader(input, diagnostics);
  for (const std::string& path : options.paths) loader.add_given(path, options.recursive);
  loader.add_applied();
  diagnostics.append(input.problems);
  return input;
}

namespace {

// What `parse` makes of the file; nullopt, and an error, where that is nothing.
template <class Parse>
auto read_answer(const std::string& path, Parse parse, Diagnostics& diagnostics)
    -> std::optional<typename decltype(parse(""))::value_type> {
  const auto text = read_file(path, kFileLimit);
  if (!text) {
    diagnostics.error(path, {}, "unreadable-file", text.error().message);
    return std::nullopt;
  }
  auto parsed = parse(*text);
  if (parsed) return std::move(*parsed);
  diagnostics.error(path, {}, "unreadable-file", parsed.error().message,
                    "give what the AWS command line prints with --output json");
  return std::nullopt;
}

}  // namespace

pricing::Catalogue load_catalogue(const InputOptions& options, Diagnostics& diagnostics) {
  pricing::Catalogue catalogue = pricing::Catalogue::builtin();
  for (const std::string& path : options.instance_types)
    if (const auto types = read_answer(path, codec::read_instance_types, diagnostics))
      catalogue = catalogue.with_types(*types);
  for (const std::string& path : options.prices) {
    const auto prices = read_answer(path, codec::read_spot_prices, diagnostics);
    if (!prices) continue;
    std::vector<pricing::SpotQuote> quotes;
    for (const codec::SpotPrice& price : *prices)
      quotes.push_back({price.zone, price.type, price.per_hour});
    catalogue = catalogue.with_spot(quotes);
  }
  return catalogue;
}

std::vector<model::CapacityReservation> load_reservations(const InputOptions& options,
                                                          Diagnostics& diagnostics) {
  std::map<std::string, model::CapacityReservation> by_id;
  for (const std::string& path : options.reservations) {
    const auto told = read_answer(path, codec::read_capacity_reservations, diagnostics);
    if (!told) continue;
    for (const model::CapacityReservation& each : *told)
      if (!by_id.emplace(each.id, each).second)
        diagnostics.error(path, {}, "unreadable-file",
                          fmt::format("another file tells of {}, too", each.id),
                          "give each reservation once");
  }
  std::vector<model::CapacityReservation> all;
  for (auto& [id, each] : by_id) all.push_back(std::move(each));
  return all;
}

namespace {

void add_scenario_reservations(Checked& checked) {
  std::vector<model::CapacityReservation>& all = checked.reservations;
  for (const model::Object* object : checked.input.objects()) {
    const auto* scenario = object->as<model::Scenario>();
    if (scenario == nullptr) continue;
    for (const model::ScenarioReservation& told : scenario->capacityReservations)
      if (std::none_of(all.begin(), all.end(),
                       [&](const auto& each) { return each.id == told.id; }))
        all.push_back(model::reservation_of(told, Instant()));
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.id < b.id; });
}

}  // namespace

Checked load_and_check(const InputOptions& options, const checking::Options& how,
                       Diagnostics& diagnostics) {
  Diagnostics problems;
  Checked checked{load_input(options, diagnostics), load_catalogue(options, problems),
                  load_reservations(options, problems)};
  add_scenario_reservations(checked);
  checked.input.problems.append(problems);
  diagnostics.append(problems);
  checking::check(checked.input.objects(), checked.catalogue, how, diagnostics);
  return checked;
}

void check_again(Input& input, const pricing::Catalogue& catalogue, const checking::Options& how,
                 Diagnostics& diagnostics) {
  diagnostics.append(input.problems);
  for (InputFile& file : input.files) read_text(file, diagnostics);
  checking::check(input.objects(), catalogue, how, diagnostics);
}

}  // namespace gputide::app
