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
      "INSERT INTO images VALUES ('', '', '', 0, 0); INSERT INTO image_objects VALUES ('', 0, '', 0, '', '', "
      "'', '', 0);"
      "DELETE FROM images WHERE reference = '';"
      "INSERT INTO file_systems VALUES ('', '', '', 0, '') ON CONFLICT DO NOTHING;"
      "INSERT INTO file_system_objects VALUES ('', 0, '', 0, '', '', '', '', 0);"
      "INSERT OR REPLACE INTO mounts VALUES ('', '', '', '', 0); DELETE FROM mounts WHERE directory = '';"
      "INSERT OR REPLACE INTO layer_indexes VALUES ('', '', 0); DELETE FROM layer_indexes WHERE digest = '';"
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

absl::string_view NameOf(ObjectRecord::Kind kind) {
  switch (kind) {
    case ObjectRecord::Kind::kBlob:
      return "blob";
    case ObjectRecord::Kind::kMade:
      return "made";
    case ObjectRecord::Kind::kLayer:
      break;
  }
  return "layer";
}

absl::StatusOr<ObjectRecord::Kind> RecordedKind(const std::string& name) {
  using Kind = ObjectRecord::Kind;
  for (const Kind kind : {Kind::kBlob, Kind::kMade, Kind::kLayer}) {
    if (name == NameOf(kind)) return kind;
  }
  return absl::DataLossError(absl::StrCat("an object of the kind '", name, "' is recorded"));
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
  RETURN_IF_ERROR(db->CheckJudgements());
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
  RETURN_IF_ERROR(InsertObjects("image_objects", image.reference, image.objects));
  return transaction.Commit();
}

absl::StatusOr<std::vector<ImageRecord>> CacheDb::Images() {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(ObjectsByOwner objects, Objects("image_objects", "reference"));
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
    ASSIGN_OR_RETURN(image.manifest_digest, query.DigestIn(1));
    image.objects = std::move(objects[image.reference]);
    images.push_back(std::move(image));
  }
}

absl::StatusOr<ImageRecord> CacheDb::FindImage(absl::string_view reference) {
  ASSIGN_OR_RETURN(std::vector<ImageRecord> records, Images());
  for (ImageRecord& record : records) {
    if (record.reference == reference) return std::move(record);
  }
  return absl::NotFoundError(absl::StrCat(reference, " was never mounted here; mount it first"));
}

absl::StatusOr<CacheDb::ObjectsByOwner> CacheDb::Objects(absl::string_view table, absl::string_view owner) {
  ASSIGN_OR_RETURN(
      SqliteStatement query,
      connection_.Prepare(absl::StrCat(
          "SELECT ", owner, ", digest, size, kind, diff_id, layer_root, index_digest, device_size FROM ",
          table, " ORDER BY ", owner, ", position")));
  ObjectsByOwner objects;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return objects;
    ObjectRecord object;
    ASSIGN_OR_RETURN(object.digest, query.DigestIn(1));
    ASSIGN_OR_RETURN(object.size, RecordedSize(query.Number(2)));
    ASSIGN_OR_RETURN(object.kind, RecordedKind(query.Text(3)));
    if (object.kind == ObjectRecord::Kind::kLayer) {
      ASSIGN_OR_RETURN(object.diff_id, query.DigestIn(4));
      ASSIGN_OR_RETURN(object.root, query.DigestIn(5));
      ASSIGN_OR_RETURN(object.index, query.DigestIn(6));
      ASSIGN_OR_RETURN(object.device_size, RecordedSize(query.Number(7)));
    }
    objects[query.Text(0)].push_back(std::move(object));
  }
}

absl::Status CacheDb::InsertObjects(absl::string_view table, const std::string& owner,
                                    const std::vector<ObjectRecord>& objects) {
  ASSIGN_OR_RETURN(
      SqliteStatement insert,
      connection_.Prepare(absl::StrCat("INSERT INTO ", table, " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")));
  for (size_t i = 0; i < objects.size(); ++i) {
    const ObjectRecord& object = objects[i];
    insert.Reset();
    insert.Bind(owner).Bind(static_cast<int64_t>(i)).Bind(object.digest.ToString());
    insert.Bind(static_cast<int64_t>(object.size)).Bind(std::string(NameOf(object.kind)));
    insert.Bind(object.diff_id.ToString()).Bind(object.root.ToString()).Bind(object.index.ToString());
    RETURN_IF_ERROR(insert.Bind(static_cast<int64_t>(object.device_size)).Run());
  }
  return absl::OkStatus();
}

}  // namespace lacuna
