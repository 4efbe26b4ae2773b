#include "sim/telling.h"

#include "base/rng.h"

namespace gputide::sim {

namespace {

constexpr std::string_view kPodField = "pod";

}  // namespace

std::string Telling::pod_name(const model::ObjectMeta& meta) const {
  return heard() ? meta.namespace_ + "/" + meta.name : std::string();
}

std::string Subject::text() const {
  std::string text(kind);
  text += ' ';
  if (!namespace_.empty()) text.append(namespace_).append(1, '/');
  text += name;
  return text;
}

void Telling::mix_number(std::uint64_t number) {
  fingerprint_ = (fingerprint_ ^ number) * 1099511628211ULL;
  fingerprint_ ^= fingerprint_ >> 29;
}

void Telling::mix_text(std::string_view text) {
  fingerprint_ = fnv1a(text, fingerprint_);
}

void Telling::mix_fields(std::span<const port::Field> fields) {
  for (const port::Field& field : fields) {
    if (field.key == kPodField) continue;  // the subject again; left out when nobody listens
    mix_text(field.key);
    if (const auto* number = std::get_if<std::int64_t>(&field.value))
      mix_number(static_cast<std::uint64_t>(*number));
    else if (const auto* money = std::get_if<Money>(&field.value))
      mix_number(static_cast<std::uint64_t>(money->micros()));
    else
      mix_text(std::get<std::string_view>(field.value));
  }
}

void Telling::mix(port::RecordKind kind, const Subject& subject,
                  std::span<const port::Field> fields) {
  ++count_;
  mix_number(static_cast<std::uint64_t>(heap_.now().nanoseconds()));
  mix_number(static_cast<std::uint64_t>(kind));
  mix_text(subject.kind);
  mix_text(subject.namespace_);
  mix_text(subject.name);
  mix_fields(fields);
}

void Telling::record(const port::Record& record) {
  ++count_;
  mix_number(static_cast<std::uint64_t>(record.at.nanoseconds()));
  mix_number(static_cast<std::uint64_t>(record.kind));
  mix_text(record.subject);
  mix_fields(record.fields);
  if (recorder_ != nullptr) recorder_->record(record);
}

void Telling::pass_on(port::RecordKind kind, std::string_view actor, const Subject& subject,
                      std::span<const port::Field> fields, const std::string& message) {
  const std::string about = subject.text();
  port::Record record{heap_.now(), kind, actor, about, message, {fields.begin(), fields.end()}};
  recorder_->record(record);
}

}  // namespace gputide::sim
