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

// Nothing of it stays. SQLite checks no more of a schema than each statement needs.
absl::Status TryWriting(SqliteConnection& connection) {
  ASSIGN_OR_RETURN(const SqliteTransaction transaction, SqliteTransaction::Begin(connection));
  return connection.Execute(
      "INSERT INTO images VALUES ('', '', '', 0, 0); INSERT INTO image_objects VALUES ('', 0, '', 0);"
      "DELETE FROM images WHERE reference = ''; INSERT OR REPLACE INTO mounts VALUES ('', '', '', 0, '')");
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

absl::StatusOr<Digest> DigestFrom(const std::string& text) {
  absl::StatusOr<Digest> digest = Digest::Parse(text);
  return digest.ok() ? digest : absl::DataLossError(digest.status().message());
}

absl::StatusOr<uint64_t> SizeFrom(int64_t number) {
  if (number >= 0) return static_cast<uint64_t>(number);
  return absl::DataLossError(absl::StrCat("a size of ", number, " bytes is recorded"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CacheDb>> CacheDb::Open(const std::string& path) {
  absl::StatusOr<std::unique_ptr<CacheDb>> db = OpenWhole(path);
  if (!absl::IsDataLoss(db.status())) return db;
  LogWarning(path, " is damaged (", db.status().message(),
             ") and made anew; images are listed again once they are mounted");
  RETURN_IF_ERROR(RemoveFiles(path));
  return OpenWhole(path);
}

absl::StatusOr<std::unique_ptr<CacheDb>> CacheDb::OpenWhole(const std::string& path) {
  ASSIGN_OR_RETURN(SqliteConnection connection, Connect(path));
  std::unique_ptr<CacheDb> db(new CacheDb(std::move(connection)));
  // Now, when all can still be made anew: later nobody could do anything about it.
  RETURN_IF_ERROR(db->Images().status());
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
  ASSIGN_OR_RETURN(SqliteStatement object,
                   connection_.Prepare("INSERT INTO image_objects VALUES (?, ?, ?, ?)"));
  for (size_t i = 0; i < image.objects.size(); ++i) {
    object.Reset();
    object.Bind(image.reference).Bind(static_cast<int64_t>(i)).Bind(image.objects[i].digest.ToString());
    RETURN_IF_ERROR(object.Bind(static_cast<int64_t>(image.objects[i].size)).Run());
  }
  return transaction.Commit();
}

absl::Status CacheDb::TouchImage(absl::string_view reference, int64_t used_unix_seconds) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteStatement update,
                   connection_.Prepare("UPDATE images SET last_used = ? WHERE reference = ?"));
  RETURN_IF_ERROR(update.Bind(used_unix_seconds).Bind(reference).Run());
  ASSIGN_OR_RETURN(const int64_t changed, connection_.QueryNumber("SELECT changes()"));
  if (changed > 0) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("image ", reference, " is not known"));
}

absl::StatusOr<std::vector<ImageRecord>> CacheDb::Images() {
  MutexLock lock(mutex_);
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
    ASSIGN_OR_RETURN(image.manifest_digest, DigestFrom(query.Text(1)));
    ASSIGN_OR_RETURN(image.objects, ObjectsOf(image.reference));
    images.push_back(std::move(image));
  }
}

absl::StatusOr<std::vector<ObjectRecord>> CacheDb::ObjectsOf(const std::string& reference) {
  ASSIGN_OR_RETURN(
      SqliteStatement query,
      connection_.Prepare("SELECT digest, size FROM image_objects WHERE reference = ? ORDER BY position"));
  query.Bind(reference);
  std::vector<ObjectRecord> objects;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return objects;
    ObjectRecord object;
    ASSIGN_OR_RETURN(object.digest, DigestFrom(query.Text(0)));
    ASSIGN_OR_RETURN(object.size, SizeFrom(query.Number(1)));
    objects.push_back(std::move(object));
  }
}

absl::Status CacheDb::RecordMount(const MountRecord& mount) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteStatement insert,
                   connection_.Prepare("INSERT OR REPLACE INTO mounts VALUES (?, ?, ?, ?, ?)"));
  insert.Bind(mount.directory).Bind(mount.reference).Bind(mount.manifest_digest.ToString());
  return insert.Bind(mount.since_unix_seconds).Bind(mount.file_system).Run();
}

absl::Status CacheDb::RemoveMount(absl::string_view directory) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteStatement remove, connection_.Prepare("DELETE FROM mounts WHERE directory = ?"));
  return remove.Bind(directory).Run();
}

absl::StatusOr<std::vector<MountRecord>> CacheDb::Mounts() {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteStatement query,
                   connection_.Prepare("SELECT directory, reference, manifest_digest, since, file_system"
                                       " FROM mounts ORDER BY directory"));
  std::vector<MountRecord> mounts;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return mounts;
    MountRecord mount{.directory = query.Text(0),
                      .reference = query.Text(1),
                      .since_unix_seconds = query.Number(3),
                      .file_system = query.Text(4)};
    ASSIGN_OR_RETURN(mount.manifest_digest, DigestFrom(query.Text(2)));
    mounts.push_back(std::move(mount));
  }
}

}  // namespace lacuna
