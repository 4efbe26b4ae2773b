// Which tags an AWS request asks for. Source: EC2's filters: in a value `*` stands for any
// characters, `?` for one, and `\` takes the meaning from what follows; upper and lower case
// differ.
#pragma once

#include "model/meta.h"

namespace gputide::model {

/// Whether something with `tags` carries all that are wanted. None wanted: true.
bool carries_tags(const StringMap& tags, const StringMap& wanted);

}  // namespace gputide::model
