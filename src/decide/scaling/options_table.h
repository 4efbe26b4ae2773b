// The table of flags, shared by the parser and the reference.
#pragma once

#include <span>
#include <variant>

#include "decide/scaling/options.h"

namespace gputide::scaling {

/// What a flag does here.
enum class FlagUse {
  Acts,        // sets `member`
  Elsewhere,   // real, but for a part that is not ours or not needed: accepted in silence
  Dead,        // upstream parses it and never reads it
  Deprecated,  // acts, and says what to write instead
  OtherCloud,  // only means something on another cloud
};

enum class FlagKind { Bool, Int, Float, Time, Text, TextList, CommaList };

using FlagMember =
    std::variant<std::monostate, bool Options::*, std::int64_t Options::*, double Options::*,
                 Duration Options::*, std::string Options::*, std::vector<std::string> Options::*>;

struct Flag {
  std::string_view name;
  FlagKind kind = FlagKind::Text;
  FlagUse use = FlagUse::Acts;
  FlagMember member;
  /// The default as upstream prints it; "-" when that release does not know the flag.
  std::string_view default_131;
  std::string_view default_136;
  std::string_view note;
};

/// Ordered by name.
std::span<const Flag> flags();

}  // namespace gputide::scaling
