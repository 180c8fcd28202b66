#include "daemon/cache_db.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/cache_db_schema.h"

namespace lacuna {
namespace {

// WAL: a write costs no fsync, and a power cut loses the last writes but damages nothing, which is enough
// for records that can be made again.
constexpr char kSettings[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;";

// Each statement that writes, in short. Nothing of it stays. SQLite checks no more of a schema than each
// statement needs.
absl::Status TryWriting(SqliteConnection& connection) {
  ASSIGN_OR_RETURN(const SqliteTransaction transaction, SqliteTransaction::Begin(connection));
  return connection.Execute(
      "INSERT INTO images VALUES ('', '', '', 0, 0); INSERT INTO image_objects VALUES ('', 0, '', 0);"
      "DELETE FROM images WHERE reference = '';"
      "INSERT INTO file_systems VALUES ('', '', '', 0, '') ON CONFLICT DO NOTHING;"
      "INSERT INTO file_system_objects VALUES ('', 0, '', 0);"
      "INSERT OR REPLACE INTO mounts VALUES ('', '', '', '', 0); DELETE FROM mounts WHERE directory = '';"
      "DELETE FROM file_systems WHERE mount_point = ''");
}

absl::StatusOr<SqliteConnection> Connect(const std::string& path) {
  ASSIGN_OR_RETURN(SqliteConnection connection, SqliteConnection::Open(path));
  RETURN_IF_ERROR(MigrateCacheDb(connection, path));
  RETURN_IF_ERROR(connection.Execute(kSettings));
  RETURN_IF_ERROR(TryWriting(connection));
  return connection;
}

absl::Status RemoveFiles(const std::string& path) {
  for (const absl::string_view suffix : {"-wal", "-shm", "-journal", ""}) {
    const std::string file = absl::StrCat(path, suffix);
    if (unlink(file.c_str()) != 0 && errno != ENOENT)
      return ErrnoStatus(errno, absl::StrCat("remove ", file));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> RecordedSize(int64_t number) {
  if (number >= 0) return static_cast<uint64_t>(number);
  return absl::DataLossError(absl::StrCat("a size of ", number, " bytes is recorded"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CacheDb>> CacheDb::Open(const std::string& path) {
  absl::StatusOr<std::unique_ptr<CacheDb>> db = OpenWhole(path);
  if (!absl::IsDataLoss(db.status())) return db;
  LogWarning(path, " is damaged (", db.status().message(),
             ") and made anew; images are listed again once they are mounted, and mounts that outlived their "
             "daemon are detached");
  RETURN_IF_ERROR(RemoveFiles(path));
  return OpenWhole(path);
}

absl::StatusOr<std::unique_ptr<CacheDb>> CacheDb::OpenWhole(const std::string& path) {
  ASSIGN_OR_RETURN(SqliteConnection connection, Connect(path));
  std::unique_ptr<CacheDb> db(new CacheDb(std::move(connection)));
  // Now, when all can still be made anew: later nobody could do anything about it.
  RETURN_IF_ERROR(db->Images().status());
  RETURN_IF_ERROR(db->FileSystems().status());
  RETURN_IF_ERROR(db->Mounts().status());
  return db;
}

absl::Status CacheDb::RecordImage(const ImageRecord& image) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(connection_));
  ASSIGN_OR_RETURN(SqliteStatement old, connection_.Prepare("DELETE FROM images WHERE reference = ?"));
  RETURN_IF_ERROR(old.Bind(image.reference).Run());
  ASSIGN_OR_RETURN(SqliteStatement insert, connection_.Prepare("INSERT INTO images VALUES (?, ?, ?, ?, ?)"));
  insert.Bind(image.reference).Bind(image.manifest_digest.ToString()).Bind(image.platform);
  RETURN_IF_ERROR(insert.Bind(int64_t{image.plain_http}).Bind(image.last_used_unix_seconds).Run());
  RETURN_IF_ERROR(
      InsertObjects("INSERT INTO image_objects VALUES (?, ?, ?, ?)", image.reference, image.objects));
  return transaction.Commit();
}

absl::StatusOr<std::vector<ImageRecord>> CacheDb::Images() {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(ObjectsByOwner objects,
                   Objects("SELECT reference, digest, size FROM image_objects ORDER BY reference, position"));
  ASSIGN_OR_RETURN(SqliteStatement query,
                   connection_.Prepare("SELECT reference, manifest_digest, platform, plain_http, last_used"
                                       " FROM images ORDER BY reference"));
  std::vector<ImageRecord> images;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return images;
    ImageRecord image{.reference = query.Text(0),
                      .platform = query.Text(2),
                      .plain_http = query.Number(3) != 0,
                      .last_used_unix_seconds = query.Number(4)};
    ASSIGN_OR_RETURN(image.manifest_digest, RecordedDigest(query.Text(1)));
    image.objects = std::move(objects[image.reference]);
    images.push_back(std::move(image));
  }
}

absl::StatusOr<CacheDb::ObjectsByOwner> CacheDb::Objects(absl::string_view sql) {
  ASSIGN_OR_RETURN(SqliteStatement query, connection_.Prepare(sql));
  ObjectsByOwner objects;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return objects;
    ObjectRecord object;
    ASSIGN_OR_RETURN(object.digest, RecordedDigest(query.Text(1)));
    ASSIGN_OR_RETURN(object.size, RecordedSize(query.Number(2)));
    objects[query.Text(0)].push_back(std::move(object));
  }
}

absl::Status CacheDb::InsertObjects(absl::string_view sql, const std::string& owner,
                                    const std::vector<ObjectRecord>& objects) {
  ASSIGN_OR_RETURN(SqliteStatement insert, connection_.Prepare(sql));
  for (size_t i = 0; i < objects.size(); ++i) {
    insert.Reset();
    insert.Bind(owner).Bind(static_cast<int64_t>(i)).Bind(objects[i].digest.ToString());
    RETURN_IF_ERROR(insert.Bind(static_cast<int64_t>(objects[i].size)).Run());
  }
  return absl::OkStatus();
}

}  // namespace lacuna
