#include "daemon/cache_db_schema.h"

#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "daemon/base/status.h"

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

constexpr int64_t kNewest = std::size(kMigrations);

absl::Status CheckWhole(SqliteConnection& connection) {
  // Not quick_check, which leaves out whether the indexes match: a write would find out, too late.
  ASSIGN_OR_RETURN(SqliteStatement check, connection.Prepare("PRAGMA integrity_check(1)"));
  ASSIGN_OR_RETURN(const bool row, check.Step());
  if (row && check.Text(0) == "ok") return absl::OkStatus();
  return absl::DataLossError(row ? absl::StrReplaceAll(check.Text(0), {{"\n", " "}})
                                 : "no answer to a check");
}

}  // namespace

absl::Status MigrateCacheDb(SqliteConnection& connection, const std::string& path) {
  ASSIGN_OR_RETURN(const int64_t version, connection.QueryNumber("PRAGMA user_version"));
  if (version > kNewest) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " was written by a newer lacuna (schema ", version, ", this one knows ", kNewest,
                     "): run that one, or remove the file, which lacunad makes anew"));
  }
  if (version < 0) return absl::DataLossError(absl::StrCat("schema version ", version));
  RETURN_IF_ERROR(CheckWhole(connection));
  ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(connection));
  for (int64_t i = version; i < kNewest; ++i)
    RETURN_IF_ERROR(connection.Execute(std::string(kMigrations[i])));
  // Written also where it stays the same: it shows whether the file can be written.
  RETURN_IF_ERROR(connection.Execute(absl::StrCat("PRAGMA user_version = ", kNewest)));
  return transaction.Commit();
}

absl::StatusOr<Digest> RecordedDigest(const std::string& text) {
  absl::StatusOr<Digest> digest = Digest::Parse(text);
  return digest.ok() ? digest : absl::DataLossError(digest.status().message());
}

}  // namespace lacuna
