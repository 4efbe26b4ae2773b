#include "report/event_log.h"

#include "codec/json.h"
#include "report/json_text.h"

namespace gputide::report {
namespace {

void append(std::string& out, std::string_view key, std::string_view text) {
  if (text.empty()) return;
  out.append(",\"").append(key).append("\":");
  codec::append_json_string(out, text);
}

std::string time_text(Instant at) {
  std::string text = at.rfc3339();
  const std::int64_t nanos = at.nanoseconds() - at.unix_seconds() * 1'000'000'000;
  if (nanos != 0) text.insert(text.size() - 1, decimal(nanos, 9).substr(1));
  return text;
}

}  // namespace

void EventLog::record(const port::Record& record) {
  if (!started_) {
    started_ = true;
    start_ = record.at;
  }
  line_ = "{\"time\":\"" + time_text(record.at) + "\",\"at\":" + seconds(record.at - start_);
  append(line_, "kind", port::record_kind_name(record.kind));
  append(line_, "actor", record.actor);
  append(line_, "subject", record.subject);
  append(line_, "message", record.message);
  char separator = '{';
  for (const port::Field& field : record.fields) {
    if (separator == '{') line_ += ",\"fields\":";
    line_ += separator;
    separator = ',';
    line_.append("\"").append(field.key).append("\":");
    if (const auto* number = std::get_if<std::int64_t>(&field.value))
      line_ += std::to_string(*number);
    else if (const auto* money = std::get_if<Money>(&field.value))
      line_ += dollars(*money);
    else
      codec::append_json_string(line_, std::get<std::string_view>(field.value));
  }
  if (separator == ',') line_ += '}';
  line_ += "}\n";
  write_(line_);
}

}  // namespace gputide::report
