// Result: how functions say that they failed. Exceptions stop at the edge of the library that
// throws them.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace gputide {

/// Why an operation failed, as one sentence for a person, without a final period.
struct Error {
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;

/// `return fail("...")` from any function that returns a Result.
inline tl::unexpected<Error> fail(std::string message) {
  return tl::unexpected<Error>(Error{std::move(message)});
}

}  // namespace gputide
