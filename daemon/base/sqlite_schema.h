// The schema of a database of ours, and how a file of an older one is brought to it.
//
// `PRAGMA user_version` counts the migrations that a file has been through; each released one stays as it
// was, and new ones are added at the end (CONTRACT.md, "Files").
//
// Callers: CacheDb, SnapshotDb, on whatever thread opens them.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "daemon/base/sqlite.h"

namespace lacuna {

struct SqliteSchema {
  absl::Span<const absl::string_view> migrations;  // the i-th takes a file from version i to i + 1
  absl::string_view
      way_back;  // what else to do with a file of a newer lacuna, after "run that one"; may be empty
  bool keeps_copies = false;  // what is in there cannot be made again: PATH.vN is what was there before
};

// Brings the database to the newest version, in one transaction. FailedPrecondition when it is newer than
// this program; DataLoss when it is damaged; the disk's error when it cannot be copied.
absl::Status MigrateSqlite(SqliteConnection& connection, const std::string& path, const SqliteSchema& schema);

}  // namespace lacuna
