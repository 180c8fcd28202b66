// The schema of cache.db and its history.
//
// Caller: CacheDb.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "daemon/base/sqlite.h"

namespace lacuna {

// Brings the database to the newest version, in one transaction. FailedPrecondition when it is newer than
// this program; DataLoss when it is damaged.
absl::Status MigrateCacheDb(SqliteConnection& connection, const std::string& path);

}  // namespace lacuna
