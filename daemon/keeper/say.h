// The keeper's log lines, on stderr, in the form of the worker's (daemon/base/log.h), without allocating.
#pragma once

namespace lacuna {

enum class Tone { kInfo, kWarning, kError };

// As printf(3); a line of at most 500 bytes, which is dropped when stderr takes it not.
[[gnu::format(printf, 2, 3)]] void Say(Tone tone, const char* format, ...);

}  // namespace lacuna
