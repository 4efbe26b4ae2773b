// Groups that failed to grow are left alone for a while. Source: Cluster Autoscaler 1.31.5
// utils/backoff.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace gputide::scaling {

enum class ErrorClass { OutOfResources, Other };

/// Why a group failed to grow.
struct ScaleUpError {
  ErrorClass error_class = ErrorClass::Other;
  std::string code;
  std::string message;
  /// The pools of capacity that were empty, as "TYPE|ZONE|MARKET"; none named: the whole group
  /// failed.
  std::vector<std::string> pools = {};
};

struct BackoffOptions {
  Duration initial = Duration::minutes(5);
  Duration max = Duration::minutes(30);
  Duration reset = Duration::hours(3);
};

/// Exponential waits by key: a group, or one of its pools ("group|type|zone|market").
class Backoffs {
 public:
  /// Starts a wait and returns its end. It doubles only when the last one was over.
  Instant fail(const std::string& key, ScaleUpError error, const BackoffOptions& options,
               Instant now);
  /// The error whose wait still runs (also at its very end); nullptr when there is none.
  const ScaleUpError* active(std::string_view key, Instant now) const;
  /// When the running wait ends.
  std::optional<Instant> until(std::string_view key) const;
  bool empty() const { return entries_.empty(); }
  void forget(std::string_view key);
  /// Drops what last failed longer than `options.reset` ago.
  void drop_stale(const BackoffOptions& options, Instant now);
  /// The earliest moment after `now` at which an answer of `active` changes.
  std::optional<Instant> next_change(Instant now) const;

 private:
  struct Entry {
    Duration duration;
    Instant until;
    Instant failed;
    ScaleUpError error;
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace gputide::scaling
