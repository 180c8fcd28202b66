// The schema of cache.db and its history.
//
// Caller: CacheDb. `PRAGMA user_version` counts the migrations that a file has been through; each released
// one stays as it was, and new ones are added at the end (CONTRACT.md, "Files").
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/base/digest.h"
#include "daemon/sqlite.h"

namespace lacuna {

// Brings the database to the newest version, in one transaction. FailedPrecondition when it is newer than
// this program; DataLoss when it is damaged.
absl::Status MigrateCacheDb(SqliteConnection& connection, const std::string& path);

// A digest as a column holds it; DataLoss for anything else.
absl::StatusOr<Digest> RecordedDigest(const std::string& text);

}  // namespace lacuna
