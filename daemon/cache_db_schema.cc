#include "daemon/cache_db_schema.h"

#include "daemon/base/sqlite_schema.h"

namespace lacuna {
namespace {

// Migration i takes a file from version i to i + 1.
constexpr absl::string_view kMigrations[] = {
    R"sql(
      CREATE TABLE images (
        reference TEXT PRIMARY KEY,
        manifest_digest TEXT NOT NULL,
        platform TEXT NOT NULL,
        plain_http INTEGER NOT NULL,
        last_used INTEGER NOT NULL  -- Unix seconds
      ) STRICT;
      CREATE TABLE image_objects (
        reference TEXT NOT NULL REFERENCES images ON DELETE CASCADE,
        position INTEGER NOT NULL,  -- 0: the bootstrap, then the devices
        digest TEXT NOT NULL,
        size INTEGER NOT NULL,  -- bytes
        PRIMARY KEY (reference, position)
      ) STRICT;
      CREATE TABLE mounts (
        directory TEXT PRIMARY KEY,
        reference TEXT NOT NULL,
        manifest_digest TEXT NOT NULL,
        since INTEGER NOT NULL,  -- Unix seconds
        file_system TEXT NOT NULL
      ) STRICT;
    )sql",
    // The old mounts were never written.
    R"sql(
      DROP TABLE mounts;
      CREATE TABLE file_systems (
        mount_point TEXT PRIMARY KEY,
        reference TEXT NOT NULL,
        manifest_digest TEXT NOT NULL,
        plain_http INTEGER NOT NULL,
        boot_id TEXT NOT NULL
      ) STRICT;
      CREATE TABLE file_system_objects (
        mount_point TEXT NOT NULL REFERENCES file_systems ON DELETE CASCADE,
        position INTEGER NOT NULL,  -- 0: the bootstrap, then the devices
        digest TEXT NOT NULL,
        size INTEGER NOT NULL,  -- bytes
        PRIMARY KEY (mount_point, position)
      ) STRICT;
      CREATE TABLE mounts (
        directory TEXT PRIMARY KEY,
        file_system TEXT NOT NULL REFERENCES file_systems ON DELETE CASCADE,
        reference TEXT NOT NULL,
        manifest_digest TEXT NOT NULL,
        since INTEGER NOT NULL  -- Unix seconds
      ) STRICT;
    )sql",
    // Layers of ordinary images, and what is known of their indexes.
    R"sql(
      ALTER TABLE image_objects ADD COLUMN kind TEXT NOT NULL DEFAULT 'blob';
      ALTER TABLE image_objects ADD COLUMN diff_id TEXT NOT NULL DEFAULT '';  -- of a layer, as all below
      ALTER TABLE image_objects ADD COLUMN layer_root TEXT NOT NULL DEFAULT '';
      ALTER TABLE image_objects ADD COLUMN index_digest TEXT NOT NULL DEFAULT '';
      ALTER TABLE image_objects ADD COLUMN device_size INTEGER NOT NULL DEFAULT 0;  -- bytes
      ALTER TABLE file_system_objects ADD COLUMN kind TEXT NOT NULL DEFAULT 'blob';
      ALTER TABLE file_system_objects ADD COLUMN diff_id TEXT NOT NULL DEFAULT '';
      ALTER TABLE file_system_objects ADD COLUMN layer_root TEXT NOT NULL DEFAULT '';
      ALTER TABLE file_system_objects ADD COLUMN index_digest TEXT NOT NULL DEFAULT '';
      ALTER TABLE file_system_objects ADD COLUMN device_size INTEGER NOT NULL DEFAULT 0;
      CREATE TABLE layer_indexes (
        digest TEXT PRIMARY KEY,  -- of the index file
        layer TEXT NOT NULL,  -- digest of the blob
        is_right INTEGER NOT NULL
      ) STRICT;
    )sql",
};

constexpr SqliteSchema kSchema = {.migrations = kMigrations,
                                  .way_back = ", or remove the file, which lacunad makes anew"};

}  // namespace

absl::Status MigrateCacheDb(SqliteConnection& connection, const std::string& path) {
  return MigrateSqlite(connection, path, kSchema);
}

}  // namespace lacuna
