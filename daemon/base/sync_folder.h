// Makes what happened to the names in a folder durable: files that were made, renamed or removed.
//
// Pure but for the disk; safe from any thread. Waits for the disk.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace lacuna {

absl::Status SyncFolder(const std::string& folder);

}  // namespace lacuna
