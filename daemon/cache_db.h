// What the daemon remembers between its lives: the images it was asked for and the mounts it made.
//
// ROOT/cache.db, SQLite. Disposable: when it is damaged it is made anew, and an image is known again after
// its next mount. Credentials are never stored.
//
// Callers: the daemon, on control threads; calls wait for the disk. Thread-safe, by one mutex.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/digest.h"
#include "daemon/base/mutex.h"
#include "daemon/sqlite.h"

namespace lacuna {

struct ObjectRecord {
  Digest digest;      // of the blob
  uint64_t size = 0;  // of the blob, in bytes
  friend bool operator==(const ObjectRecord&, const ObjectRecord&) = default;
};

struct ImageRecord {
  std::string reference;  // canonical; the record's name
  Digest manifest_digest;
  std::string platform;               // "os/arch[/variant]"; empty: the host's
  bool plain_http = false;            // as the mount asked
  std::vector<ObjectRecord> objects;  // the bootstrap, then its devices in table order
  int64_t last_used_unix_seconds = 0;
  friend bool operator==(const ImageRecord&, const ImageRecord&) = default;
};

struct MountRecord {
  std::string directory;  // absolute; the record's name
  std::string reference;
  Digest manifest_digest;
  int64_t since_unix_seconds = 0;
  std::string file_system;  // where the EROFS is mounted that `directory` shows
  friend bool operator==(const MountRecord&, const MountRecord&) = default;
};

class CacheDb {
 public:
  // Opens, makes or migrates the database. A damaged file is removed, with a line in the log, and made anew.
  // FailedPrecondition, with what to do, when a newer lacuna wrote it; PermissionDenied when it cannot be
  // written.
  static absl::StatusOr<std::unique_ptr<CacheDb>> Open(const std::string& path);

  // Adds the image, or replaces what was recorded under its reference.
  absl::Status RecordImage(const ImageRecord& image);
  // NotFound when the image is not recorded.
  absl::Status TouchImage(absl::string_view reference, int64_t used_unix_seconds);
  // By reference.
  absl::StatusOr<std::vector<ImageRecord>> Images();

  // Adds the mount, or replaces what was recorded at its directory.
  absl::Status RecordMount(const MountRecord& mount);
  // Does nothing when there is no such record.
  absl::Status RemoveMount(absl::string_view directory);
  // By directory.
  absl::StatusOr<std::vector<MountRecord>> Mounts();

 private:
  explicit CacheDb(SqliteConnection connection) : connection_(std::move(connection)) {}

  // DataLoss when anything in the file cannot be read.
  static absl::StatusOr<std::unique_ptr<CacheDb>> OpenWhole(const std::string& path);
  absl::StatusOr<std::vector<ObjectRecord>> ObjectsOf(const std::string& reference)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  SqliteConnection connection_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
