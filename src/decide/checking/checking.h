// Everything that is wrong with a set of files, as far as it can be known without a cluster: what
// eksctl, the API server and AWS would refuse (errors), and what they would take without a word
// although it does not do what its writer meant (warnings).
#pragma once

#include <span>
#include <string_view>

#include "base/diagnostic.h"
#include "decide/pricing/catalogue.h"
#include "model/object.h"

namespace gputide::checking {

struct Options {
  /// Take what AWS no longer sells or serves (instance types, Kubernetes versions) as it was when
  /// the files were written: warnings instead of errors. A simulation does.
  bool as_it_was = false;
};

/// Adds findings about the objects to `diagnostics`. The objects are those that are applied
/// together: a warning that something is missing looks through all of them. `catalogue` must
/// outlive the call.
void check(std::span<const model::Object* const> objects, const pricing::Catalogue& catalogue,
           const Options& options, Diagnostics& diagnostics);

/// A code that findings carry, for the reference.
struct Code {
  std::string_view name;
  std::string_view severity;  // error, warning, or "error or warning"
  std::string_view meaning;
  std::string_view remedy;
  bool fixed = false;  // --fix mends it, at least in some cases
};

/// Every code of this program, those of reading included, in byte order.
std::span<const Code> codes();

}  // namespace gputide::checking
