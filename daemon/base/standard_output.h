// What a program has to say, on stdout, whole or not at all.
//
// Callers: lacunactl and lacuna-image. One thread.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace lacuna {

// An error when not all of it gets there: a full disk, a pipe that nobody reads.
absl::Status Print(const std::string& text);

}  // namespace lacuna
