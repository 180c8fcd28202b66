#include "daemon/snapshotter/snapshot_db_schema.h"

namespace lacuna {
namespace {

constexpr absl::string_view kMigrations[] = {
    R"sql(
      CREATE TABLE leftovers (
        number INTEGER PRIMARY KEY AUTOINCREMENT  -- of a folder
      ) STRICT;
      CREATE TABLE snapshots (
        number INTEGER PRIMARY KEY,  -- of its folder; was one of the leftovers
        name TEXT NOT NULL UNIQUE,
        parent INTEGER REFERENCES snapshots,
        kind INTEGER NOT NULL,  -- SnapshotKind
        created INTEGER NOT NULL,  -- Unix nanoseconds
        updated INTEGER NOT NULL,
        bytes INTEGER NOT NULL,  -- of what is committed
        inodes INTEGER NOT NULL
      ) STRICT;
      CREATE INDEX snapshots_by_parent ON snapshots (parent);
      CREATE TABLE labels (
        number INTEGER NOT NULL REFERENCES snapshots ON DELETE CASCADE,
        label TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (number, label)
      ) STRICT;
    )sql",
    // Snapshots that were never unpacked here (RemoteLayers); no reference: those that were.
    R"sql(
      ALTER TABLE snapshots ADD COLUMN reference TEXT NOT NULL DEFAULT '';
      ALTER TABLE snapshots ADD COLUMN manifest_digest TEXT NOT NULL DEFAULT '';
      ALTER TABLE snapshots ADD COLUMN layers INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE snapshots ADD COLUMN is_whole INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE snapshots ADD COLUMN highest_layer TEXT NOT NULL DEFAULT '';
    )sql",
};

}  // namespace

const SqliteSchema kSnapshotDbSchema = {.migrations = kMigrations, .keeps_copies = true};

}  // namespace lacuna
