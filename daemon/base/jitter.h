// Spreads what would otherwise happen at the same instant everywhere: backoffs, renewals.
//
// Thread-safe.
#pragma once

#include "daemon/base/clock.h"

namespace lacuna {

// A random duration from half of `duration` up to all of it.
Duration Jittered(Duration duration);

}  // namespace lacuna
