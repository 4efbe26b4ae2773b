// How long things last: heavy-tailed durations, drawn with integers only so that every machine
// draws the same.
#pragma once

#include <cstdint>

#include "base/rng.h"
#include "base/time.h"

namespace gputide::sim {

/// Log-normal distributions by their sigma: mean / median is exp(sigma^2 / 2).
enum class Spread : std::uint8_t {
  Moderate,  // 1.0: 1.6
  Wide,      // 1.35: 2.5
  VeryWide   // 2.4: 18
};

/// A duration of the given mean.
Duration draw_duration(Rng& rng, Spread spread, Duration mean);

/// How much longer something lasts of which one only knows that it is under way: the residual life
/// in equilibrium (long durations are met more often, at a uniform point of them).
Duration draw_residual(Rng& rng, Spread spread, Duration mean);

}  // namespace gputide::sim
