// Making the fixes that findings carry, in memory.
#pragma once

#include "app/input.h"

namespace gputide::app {

struct Mended {
  Input input;              // with the new texts
  Diagnostics diagnostics;  // what is left
};

/// Makes fixes until none is left to make; mending the result again changes nothing. Only bytes
/// that a fix names change, so comments and order stay. A round of fixes that would leave more
/// errors than there were is not made. Standard input is left as it is.
Mended mend(const Checked& checked, const Diagnostics& found);

}  // namespace gputide::app
