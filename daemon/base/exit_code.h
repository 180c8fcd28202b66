// What the programs exit with (CONTRACT.md, "Command lines").
//
// Callers: lacunactl, lacuna-image. Pure; safe from any thread.
#pragma once

#include "absl/status/status.h"

namespace lacuna {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUnreachable = 3;  // the daemon; only a caller that talks to it can tell
inline constexpr int kExitNotFound = 4;
inline constexpr int kExitBusy = 5;
inline constexpr int kExitUnauthenticated = 6;
inline constexpr int kExitIntegrity = 7;
inline constexpr int kExitTimeout = 8;
inline constexpr int kExitInterrupted = 130;

// The exit code for what a verb ended with: by the kind of the error, kExitFailed for kinds without one of
// their own.
int ExitCodeOf(const absl::Status& status);

}  // namespace lacuna
