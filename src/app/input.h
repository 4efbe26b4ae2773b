// The files that a person gives: read from directories, files and standard input into objects, with
// every finding about them.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "app/options.h"
#include "base/diagnostic.h"
#include "base/result.h"
#include "decide/checking/checking.h"
#include "model/capacity_reservation.h"
#include "model/object.h"

namespace gputide::app {

/// One text and what it says.
struct InputFile {
  std::string name;  // as findings name it; "-" is standard input
  std::string path;  // absolute, without links: equal for equal files
  std::string text;
  std::vector<model::Object> objects;
  bool given = false;    // named on the command line
  bool applied = false;  // a step of a Scenario applies it
};

struct Input {
  std::deque<InputFile> files;  // in the order of first mention
  Diagnostics problems;         // of files that could not be read; no edit mends them

  /// Every object, in order.
  std::vector<const model::Object*> objects() const;
  /// The file that `path`, written in `scenario_file`, means; nullptr when it could not be read.
  const InputFile* find(std::string_view scenario_file, std::string_view path) const;
};

/// Reads what `options.paths` name, and what Scenarios among them apply (paths relative to the
/// Scenario). Directories give their *.yaml, *.yml and *.json in byte order. Findings: files that
/// cannot be read, that are empty or too big, and all that codec::read_objects says.
Input load_input(const InputOptions& options, Diagnostics& diagnostics);

/// The built-in catalogue with what --instance-types and --prices tell. Files that cannot be read
/// are errors.
pricing::Catalogue load_catalogue(const InputOptions& options, Diagnostics& diagnostics);

/// What --capacity-reservations tells, in byte order of the ids. Files that cannot be read are
/// errors, and ids that are told twice.
std::vector<model::CapacityReservation> load_reservations(const InputOptions& options,
                                                          Diagnostics& diagnostics);

/// load_input, load_catalogue, load_reservations and every check. The reservations that a Scenario
/// among the files has are with the others, as if their times had come, unless a file tells of
/// them.
struct Checked {
  Input input;
  pricing::Catalogue catalogue;
  std::vector<model::CapacityReservation> reservations = {};
};
Checked load_and_check(const InputOptions& options, const checking::Options& how,
                       Diagnostics& diagnostics);

/// Reads the texts of `input` anew, as after an edit, and checks them.
void check_again(Input& input, const pricing::Catalogue& catalogue, const checking::Options& how,
                 Diagnostics& diagnostics);

/// A whole file, or standard input for "-". Errors: missing, a directory, not readable, more than
/// `limit` bytes.
Result<std::string> read_file(const std::string& path, std::size_t limit);

/// `path` as written in the file `from`: relative paths start at the folder of `from`.
std::string resolve(std::string_view from, std::string_view path);

}  // namespace gputide::app
