// CacheDb's part about file systems and mounts.
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/cache_db.h"
#include "daemon/cache_db_schema.h"

namespace lacuna {

absl::Status CacheDb::RecordFileSystem(const FileSystemRecord& file_system) {
  const std::string& mount_point = file_system.mount_point;
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(connection_));
  ASSIGN_OR_RETURN(
      SqliteStatement insert,
      connection_.Prepare("INSERT INTO file_systems VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"));
  insert.Bind(mount_point).Bind(file_system.reference).Bind(file_system.manifest_digest.ToString());
  RETURN_IF_ERROR(insert.Bind(int64_t{file_system.plain_http}).Bind(file_system.boot_id).Run());
  ASSIGN_OR_RETURN(const int64_t added, connection_.QueryNumber("SELECT changes()"));
  if (added == 0) return absl::AlreadyExistsError(absl::StrCat(mount_point, " is recorded already"));
  RETURN_IF_ERROR(InsertObjects("file_system_objects", mount_point, file_system.objects));
  return transaction.Commit();
}

absl::Status CacheDb::RemoveFileSystem(absl::string_view mount_point) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteStatement remove,
                   connection_.Prepare("DELETE FROM file_systems WHERE mount_point = ?"));
  return remove.Bind(mount_point).Run();
}

absl::StatusOr<std::vector<FileSystemRecord>> CacheDb::FileSystems() {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(ObjectsByOwner objects, Objects("file_system_objects", "mount_point"));
  ASSIGN_OR_RETURN(SqliteStatement query,
                   connection_.Prepare("SELECT mount_point, reference, manifest_digest, plain_http, boot_id"
                                       " FROM file_systems ORDER BY mount_point"));
  std::vector<FileSystemRecord> file_systems;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return file_systems;
    FileSystemRecord record{.mount_point = query.Text(0),
                            .reference = query.Text(1),
                            .plain_http = query.Number(3) != 0,
                            .boot_id = query.Text(4)};
    ASSIGN_OR_RETURN(record.manifest_digest, query.DigestIn(2));
    record.objects = std::move(objects[record.mount_point]);
    file_systems.push_back(std::move(record));
  }
}

absl::Status CacheDb::RecordMount(const MountRecord& mount) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteStatement insert,
                   connection_.Prepare("INSERT OR REPLACE INTO mounts VALUES (?, ?, ?, ?, ?)"));
  insert.Bind(mount.directory).Bind(mount.file_system).Bind(mount.reference);
  return insert.Bind(mount.manifest_digest.ToString()).Bind(mount.since_unix_seconds).Run();
}

absl::Status CacheDb::RemoveMount(absl::string_view directory) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteStatement remove, connection_.Prepare("DELETE FROM mounts WHERE directory = ?"));
  return remove.Bind(directory).Run();
}

absl::StatusOr<std::vector<MountRecord>> CacheDb::Mounts() {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(SqliteStatement query,
                   connection_.Prepare("SELECT directory, file_system, reference, manifest_digest, since"
                                       " FROM mounts ORDER BY directory"));
  std::vector<MountRecord> mounts;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return mounts;
    MountRecord mount{.directory = query.Text(0),
                      .file_system = query.Text(1),
                      .reference = query.Text(2),
                      .since_unix_seconds = query.Number(4)};
    ASSIGN_OR_RETURN(mount.manifest_digest, query.DigestIn(3));
    mounts.push_back(std::move(mount));
  }
}

}  // namespace lacuna
