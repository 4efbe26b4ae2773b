#include "decide/scaling/backoff.h"

#include <algorithm>

namespace gputide::scaling {

Instant Backoffs::fail(const std::string& key, ScaleUpError error, const BackoffOptions& options,
                       Instant now) {
  Duration duration = options.initial;
  if (const auto at = entries_.find(key); at != entries_.end()) {
    duration = at->second.duration;
    if (at->second.until < now) duration = std::min(duration * 2, options.max);
  }
  entries_[key] = {duration, now + duration, now, std::move(error)};
  return now + duration;
}

const ScaleUpError* Backoffs::active(std::string_view key, Instant now) const {
  if (entries_.empty()) return nullptr;
  const auto at = entries_.find(key);
  return at == entries_.end() || at->second.until < now ? nullptr : &at->second.error;
}

std::optional<Instant> Backoffs::until(std::string_view key) const {
  const auto at = entries_.find(key);
  return at == entries_.end() ? std::nullopt : std::optional(at->second.until);
}

void Backoffs::forget(std::string_view key) {
  if (const auto at = entries_.find(key); at != entries_.end()) entries_.erase(at);
}

void Backoffs::drop_stale(const BackoffOptions& options, Instant now) {
  std::erase_if(entries_, [&](const auto& e) { return e.second.failed + options.reset < now; });
}

std::optional<Instant> Backoffs::next_change(Instant now) const {
  std::optional<Instant> next;
  for (const auto& [key, entry] : entries_) {
    const Instant over = entry.until + Duration::nanoseconds(1);
    if (over > now && (!next || over < *next)) next = over;
  }
  return next;
}

}  // namespace gputide::scaling
