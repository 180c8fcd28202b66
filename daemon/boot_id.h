// Which run of the kernel this is.
//
// Pure but for the file system; safe from any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace lacuna {

// A name that no other boot, of this machine or another, has (random(4), boot_id).
absl::StatusOr<std::string> ReadBootId();

}  // namespace lacuna
