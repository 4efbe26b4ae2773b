// The digest of a run: its records as lines for a person. Records that tell the same of many things
// within a short while become one line; what only matters to a machine is left out.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/money.h"
#include "base/time.h"
#include "port/record.h"
#include "report/style.h"

namespace gputide::report {

/// What a line is to its reader.
enum class Mark {
  None,
  Decision,     // a controller decided something
  MoneyStarts,  // machines are billed from here
  MoneyStops,
  Warning,       // refused, ignored, could not be done
  Interruption,  // AWS takes machines back
  Good           // pods run, or are done
};

struct Line {
  Instant at;     // when it began
  Duration over;  // until the last thing it tells of
  std::string who;
  std::string what;
  Mark mark = Mark::None;
  port::RecordKind kind = port::RecordKind::Event;
  std::int64_t count = 1;  // records behind it
};

struct DigestOptions {
  bool everything = false;  // every record, ungrouped
  /// Things of one kind belong together up to this far apart. Grows with the length of the run.
  Duration apart = Duration::seconds(30);
};

/// Things of one kind that happened shortly after each other.
struct Happening {
  port::RecordKind kind = port::RecordKind::Event;
  Mark mark = Mark::None;
  Instant first;
  Instant last;
  bool closed = false;
  std::int64_t count = 0;
  std::string who;
  std::string message;  // of the first
  std::string subject;  // of the first
  NamePattern names;    // what it happened to
  // Of the first record; equal in all of them, being part of what makes them one happening.
  std::string type, zone, market, group, reason, resource, file, detail;
  std::int64_t gpus_each = 0;
  std::int64_t line = 0;  // in `file`
  // Over all records.
  std::set<std::string> nodes;
  std::string changes;  // "gpu-a 0 → 3, gpu-b 0 → 4"
  Money money;
  Money least_price, most_price;
  Duration shortest, longest;
};

class Digest final : public port::Recorder {
 public:
  using Take = std::function<void(const Line&)>;
  /// `take` gets the lines in order of `at`, some time after the records behind them.
  Digest(DigestOptions options, Take take);

  void record(const port::Record& record) override;
  /// Gives out what is still held back.
  void finish();
  /// When the run began; the epoch before its first record.
  Instant start() const { return start_; }

 private:
  struct Machine {
    std::string type;
    Instant launched;
  };
  bool told(const port::Record& record);
  void remember(const port::Record& record);
  void forget(const port::Record& record);
  std::string key_of(const port::Record& record) const;
  void join(Happening& happening, const port::Record& record);
  void release(Instant now, bool all);
  std::string with_short_groups(std::string text) const;
  const Machine* machine_of(const port::Record& record) const;

  DigestOptions options_;
  Take take_;
  Instant start_;
  bool started_ = false;
  std::deque<Happening> open_;
  std::uint64_t released_ = 0;                             // number of open_.front()
  std::unordered_map<std::string, std::uint64_t> by_key_;  // key -> number of the newest
  /// The workloads' pods, by subject, and when one last was told to wait.
  std::unordered_map<std::string, std::optional<Instant>> counted_;
  std::set<std::string> owners_;
  std::vector<std::pair<std::string, std::string>> groups_;   // Auto Scaling's name, ours
  std::unordered_map<std::string, Machine> machines_;         // by instance
  std::unordered_map<std::string, std::string> instance_of_;  // by node
};

/// The sentence for a happening.
std::string phrase(const Happening& happening);

}  // namespace gputide::report
