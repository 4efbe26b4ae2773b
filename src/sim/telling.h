// Telling: where the parts of a simulated world say what happened. Keeps the run's fingerprint, and
// builds texts only when somebody listens.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "port/controller.h"
#include "port/record.h"
#include "sim/heap.h"

namespace gputide::sim {

/// What a record is about: "pod default/train-0", "node ip-10-0-0-1", "group gpu-a".
struct Subject {
  std::string_view kind;
  std::string_view namespace_;  // "" for what is in none
  std::string_view name;
  std::string text() const;
};

class Telling final : public port::Recorder {
 public:
  explicit Telling(const Heap& heap) : heap_(heap) {}

  /// Sends every record on to `recorder` (nullptr: to nobody). It must outlive this, or be taken
  /// back.
  void to(port::Recorder* recorder) { recorder_ = recorder; }
  bool heard() const { return recorder_ != nullptr; }
  /// "namespace/name", the field "pod" of records; "" when nobody listens.
  std::string pod_name(const model::ObjectMeta& meta) const;

  /// FNV-1a over the moment, kind, subject and fields of every record, in order; not over the
  /// sentences. Equal runs have equal fingerprints, whether somebody listened or not.
  std::uint64_t fingerprint() const { return fingerprint_; }
  std::uint64_t count() const { return count_; }

  /// `message()` makes the sentence, and is called only when somebody listens.
  template <class Message>
  void tell(port::RecordKind kind, std::string_view actor, const Subject& subject,
            std::initializer_list<port::Field> fields, Message&& message) {
    mix(kind, subject, {fields.begin(), fields.size()});
    if (recorder_ != nullptr)
      pass_on(kind, actor, subject, {fields.begin(), fields.size()},
              std::forward<Message>(message)());
  }
  void tell(port::RecordKind kind, std::string_view actor, const Subject& subject,
            std::span<const port::Field> fields, const std::string& message) {
    mix(kind, subject, fields);
    if (recorder_ != nullptr) pass_on(kind, actor, subject, fields, message);
  }

  /// Records that others built.
  void record(const port::Record& record) override;

 private:
  void mix(port::RecordKind kind, const Subject& subject, std::span<const port::Field> fields);
  void mix_number(std::uint64_t number);
  void mix_text(std::string_view text);
  void mix_fields(std::span<const port::Field> fields);
  void pass_on(port::RecordKind kind, std::string_view actor, const Subject& subject,
               std::span<const port::Field> fields, const std::string& message);

  const Heap& heap_;
  port::Recorder* recorder_ = nullptr;
  std::uint64_t fingerprint_ = 14695981039346656037ULL;
  std::uint64_t count_ = 0;
};

}  // namespace gputide::sim
