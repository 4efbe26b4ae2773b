#include "report/timeline.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "report/fields.h"

namespace gputide::report {
namespace {

constexpr std::size_t kWho = 21;
constexpr std::size_t kNarrowest = 30;  // of the last column

struct Sign {
  std::string_view text;
  Colour colour;
};

/// Two columns that say at a glance what a line is: money, decision, loss.
Sign sign_of(Mark mark) {
  switch (mark) {
    case Mark::None:
      return {"  ", Colour::Plain};
    case Mark::Decision:
      return {"> ", Colour::Cyan};
    case Mark::MoneyStarts:
      return {"+$", Colour::Yellow};
    case Mark::MoneyStops:
      return {"-$", Colour::Blue};
    case Mark::Warning:
      return {"! ", Colour::Yellow};
    case Mark::Interruption:
      return {"!!", Colour::Red};
    case Mark::Good:
      return {"  ", Colour::Green};
  }
  return {"  ", Colour::Plain};
}

}  // namespace

Timeline::Timeline(TimelineOptions options, Write write)
    : options_(options),
      write_(std::move(write)),
      digest_({options.wide, Duration::seconds(30)}, [this](const Line& line) { print(line); }) {}

void Timeline::header(const port::Record& record) {
  std::string text = "gputide";
  std::string_view cluster = text_of(record, "cluster");
  if (cluster == "cluster") cluster = {};  // no ClusterConfig has named it yet
  const std::string_view region = text_of(record, "region");
  if (!cluster.empty()) text += fmt::format(": cluster {}", cluster);
  if (!region.empty()) text += fmt::format("{} in {}", cluster.empty() ? ":" : "", region);
  text += fmt::format(", seed {}", number_of(record, "seed"));
  const std::int64_t until = number_of(record, "until_seconds");
  if (until > 0) text += fmt::format(", until {}", span_text(Duration::seconds(until)));
  if (until >= 86'400) clock_width_ = clock_text(Duration::seconds(until)).size();
  write_(paint(text, Colour::Bold, options_.style) + "\n\n");
}

void Timeline::record(const port::Record& record) {
  if (record.kind == port::RecordKind::RunStarted) header(record);
  digest_.record(record);
}

void Timeline::print(const Line& line) {
  if (!options_.wide && options_.most_lines > 0 && printed_ >= options_.most_lines &&
      line.kind != port::RecordKind::CheckFailed && line.kind != port::RecordKind::RunEnded) {
    ++left_out_;
    return;
  }
  ++printed_;
  const TextStyle& style = options_.style;
  std::string what = line.what;
  if (line.over >= Duration::seconds(10)) what += fmt::format(" [within {}]", span_text(line.over));
  const std::size_t indent = clock_width_ + 2 + 3 + kWho + 2;
  const std::size_t room =
      style.width == 0 ? 0 : std::max(kNarrowest, style.width - std::min(style.width, indent));
  const Sign sign = sign_of(line.mark);
  std::string text =
      paint(pad_left(clock_text(line.at - digest_.start()), clock_width_), Colour::Dim, style);
  text += "  " + paint(sign.text, sign.colour, style) + " " + pad(line.who, kWho) + "  ";
  const std::vector<std::string> parts = wrap(what, room);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += std::string(indent, ' ');
    text += paint(parts[i], sign.colour, style) + "\n";
  }
  write_(text);
}

void Timeline::finish() {
  digest_.finish();
  if (left_out_ > 0)
    write_(fmt::format("... and {}; --wide prints everything, --out DIR writes it to files\n",
                       plural(left_out_, "more line")));
}

}  // namespace gputide::report
