// The sentences of the digest.
#include <fmt/format.h>

#include "report/digest.h"

namespace gputide::report {
namespace {

using port::RecordKind;

/// AWS names nodes "ip-10-0-0-1.us-west-2.compute.internal": the first label says it all.
std::string short_names(std::string text) {
  for (const std::string_view tail : {".compute.internal", ".ec2.internal"}) {
    for (std::size_t at = text.find(tail); at != std::string::npos; at = text.find(tail)) {
      const std::size_t end = at + tail.size();
      // Before ".compute.internal" stands the region.
      const std::size_t from = tail.starts_with(".c") ? text.rfind('.', at - 1) : at;
      text.erase(from == std::string::npos ? at : from,
                 end - (from == std::string::npos ? at : from));
    }
  }
  return text;
}

/// The scheduler's sentence without what it says of preemption where that found nothing.
std::string why_waiting(const std::string& message) {
  const std::size_t at = message.find(" preemption: 0/");
  return at == std::string::npos ? message
                                 : message.substr(0, message.find_last_not_of(". ", at) + 1);
}

/// "pod default/a", or "10 pods (default/a-*)".
std::string pods(const Happening& h) {
  if (h.count == 1) return "pod " + h.names.first();
  return fmt::format("{} pods ({})", count_text(h.count), h.names.text());
}

std::string machines(const Happening& h) {
  const std::string type = h.type.empty() ? "machine" : h.type;
  return h.count == 1 ? type : fmt::format("{} × {}", count_text(h.count), type);
}

std::string on_nodes(const Happening& h) {
  if (h.nodes.empty()) return {};
  if (h.nodes.size() == 1) return " on " + *h.nodes.begin();
  return fmt::format(" on {} nodes", count_text(static_cast<std::int64_t>(h.nodes.size())));
}

/// "2m10s", or "2m10s to 3m".
std::string between(Duration shortest, Duration longest) {
  const std::string low = span_text(shortest);
  const std::string high = span_text(longest);
  return low == high ? low : fmt::format("{} to {}", low, high);
}

/// The record's own sentence, after what it is about where it does not say so.
std::string own_words(const Happening& h) {
  std::string text = h.message;
  const bool by_cloud = h.kind == RecordKind::GroupCreated || h.kind == RecordKind::LaunchFailed;
  if (text.empty())
    text = h.subject;
  else if (!by_cloud && text.find(h.names.first()) == std::string::npos)
    text = fmt::format("{}: {}", h.subject, text);
  if (h.count == 1) return text;
  if (h.names.text() == h.names.first())
    return fmt::format("{}, {} times", text, count_text(h.count));
  // "10 nodes (ip-*): the sentence of the first".
  const std::string kind = h.subject.substr(0, h.subject.find(' '));
  return fmt::format("{} ({}): {}", plural(h.count, kind), h.names.text(), h.message);
}

std::string with_reason(std::string text, const Happening& h) {
  if (!h.message.empty()) text += ": " + h.message;
  return text;
}

std::string applied(const Happening& h) {
  const std::string change = h.detail.empty() ? "applied" : h.detail;
  if (h.count == 1 && h.file.empty()) return own_words(h);
  if (h.count == 1) return fmt::format("{}: {} {}", h.file, h.subject, change);
  return fmt::format("{}{}{} objects {}", h.file, h.file.empty() ? "" : ": ", count_text(h.count),
                     change);
}

std::string created(const Happening& h) {
  std::string text = pods(h) + " created";
  if (h.gpus_each <= 0) return text;
  const std::string resource = h.resource.empty() ? "nvidia.com/gpu" : h.resource;
  return text +
         fmt::format(", {} for {} {}", h.count == 1 ? "asks" : "each asks", h.gpus_each, resource);
}

std::string running(const Happening& h) {
  return fmt::format("{} {}{} after {}", pods(h), h.count == 1 ? "runs" : "run", on_nodes(h),
                     between(h.shortest, h.longest));
}

std::string price(const Happening& h) {
  if (h.most_price == Money()) return {};
  if (h.least_price == h.most_price) return fmt::format(" at {} an hour", price_text(h.most_price));
  return fmt::format(" at {} to {} an hour", price_text(h.least_price), price_text(h.most_price));
}

std::string launched(const Happening& h) {
  const std::string market = h.market.empty() ? "on-demand" : h.market;
  std::string text = fmt::format("{} launched", machines(h));
  if (!h.zone.empty()) text += " in " + h.zone;
  if (!h.group.empty()) text += " for " + h.group;
  text += fmt::format(", {}{}{}", market, price(h), h.count > 1 ? " each" : "");
  if (h.gpus_each > 0)
    text += fmt::format(", {}{}", plural(h.gpus_each, "GPU"), h.count > 1 ? " each" : "");
  // The cloud's own sentence begins with what has just been said.
  Happening rest = h;
  const std::string said = h.group + ": ";
  if (rest.message.starts_with(said)) rest.message.erase(0, said.size());
  return with_reason(std::move(text), rest);
}

/// The cloud says why and what it billed, with a semicolon between; the bill is told here of all.
std::string terminated(const Happening& h) {
  const std::string why = h.message.substr(0, h.message.rfind(';'));
  return fmt::format("{} terminated: {}; {} for {}{}", machines(h), why.empty() ? h.reason : why,
                     money_text(h.money), between(h.shortest, h.longest),
                     h.count > 1 ? " each" : "");
}

std::string ready(const Happening& h) {
  const std::string type = h.type.empty() ? "" : fmt::format(" ({})", h.type);
  std::string text = h.count == 1 ? fmt::format("node {}{} is ready", h.names.first(), type)
                                  : fmt::format("{} nodes{} are ready", count_text(h.count), type);
  if (h.longest > Duration())
    text += fmt::format(", {} after {} launch", between(h.shortest, h.longest),
                        h.count == 1 ? "its" : "their");
  return text;
}

std::string resources(const Happening& h) {
  if (h.count == 1) return fmt::format("node {} offers {}", h.names.first(), h.detail);
  return fmt::format("{} nodes offer {} each", count_text(h.count), h.detail);
}

std::string sentence(const Happening& h) {
  switch (h.kind) {
    case RecordKind::ObjectApplied:
      return applied(h);
    case RecordKind::PodCreated:
      return created(h);
    case RecordKind::PodUnschedulable:
      return fmt::format("{} {}: {}", pods(h), h.count == 1 ? "waits" : "wait",
                         why_waiting(h.message));
    case RecordKind::PodRunning:
      return running(h);
    case RecordKind::PodSucceeded:
      return pods(h) + " succeeded";
    case RecordKind::PodFailed:
      return with_reason(pods(h) + " failed" + on_nodes(h), h);
    case RecordKind::PodEvicted:
      return pods(h) + " evicted" + on_nodes(h);
    case RecordKind::PodPreempted:
      return pods(h) + " preempted" + on_nodes(h) + ": one of higher priority needs the room";
    case RecordKind::PodDeleted:
      return pods(h) + " deleted";
    case RecordKind::InstanceLaunched:
      return launched(h);
    case RecordKind::InstanceTerminated:
      return terminated(h);
    case RecordKind::NodeReady:
      return ready(h);
    case RecordKind::NodeResources:
      return resources(h);
    case RecordKind::SpotNotice:
      return fmt::format("AWS takes {} back in two minutes", machines(h));
    case RecordKind::RebalanceRecommendation:
      return fmt::format("AWS may soon take {} back", machines(h));
    case RecordKind::Diagnostic:
      if (h.file.empty()) return own_words(h);
      return h.line > 0 ? fmt::format("{}:{}: {}", h.file, h.line, h.message)
                        : fmt::format("{}: {}", h.file, h.message);
    case RecordKind::ScaleUp:
      return with_reason(h.changes, h);
    case RecordKind::RunEnded:
      return h.message.empty() ? h.reason : h.message;
    default:
      return own_words(h);
  }
}

}  // namespace

std::string phrase(const Happening& h) {
  return short_names(sentence(h));
}

}  // namespace gputide::report
