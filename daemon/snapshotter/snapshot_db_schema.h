// The schema of snapshots.db and its history.
//
// Caller: SnapshotDb.
#pragma once

#include "daemon/base/sqlite_schema.h"

namespace lacuna {

extern const SqliteSchema kSnapshotDbSchema;

}  // namespace lacuna
