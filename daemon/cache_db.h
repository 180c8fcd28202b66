// What the daemon remembers between its lives: the images it was asked for, what it has mounted, and which
// indexes it trusts.
//
// ROOT/cache.db, SQLite. Disposable: when it is damaged it is made anew, an image is known again after its
// next mount, and mounts that outlived a daemon are detached. Credentials are never stored.
//
// Callers: the daemon, on control threads; calls wait for the disk. Thread-safe, by one mutex.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/digest.h"
#include "daemon/base/mutex.h"
#include "daemon/base/sqlite.h"
#include "daemon/object_record.h"

namespace lacuna {

struct ImageRecord {
  std::string reference;  // canonical; the record's name
  Digest manifest_digest;
  std::string platform;               // "os/arch[/variant]"; empty: the host's
  bool plain_http = false;            // as the mount asked
  std::vector<ObjectRecord> objects;  // the bootstrap, then its devices in table order
  int64_t last_used_unix_seconds = 0;
  friend bool operator==(const ImageRecord&, const ImageRecord&) = default;
};

// An EROFS that is mounted, was, or is about to be. It is recorded before the mount, and forgotten when the
// kernel has nothing of it open any more, so that a daemon killed at any instant leaves nothing unknown.
struct FileSystemRecord {
  std::string mount_point;  // under RUN/mounts; the record's name
  std::string reference;    // canonical: where its objects come from
  Digest manifest_digest;
  bool plain_http = false;
  std::vector<ObjectRecord> objects;  // the bootstrap, then its devices in table order
  std::string boot_id;                // of the kernel that mounts it (boot_id.h)
  friend bool operator==(const FileSystemRecord&, const FileSystemRecord&) = default;
};

// A directory that shows a file system, or is about to.
struct MountRecord {
  std::string directory;    // absolute; the record's name
  std::string file_system;  // its mount point
  std::string reference;    // as was asked for: two images of the same objects share a file system
  Digest manifest_digest;
  int64_t since_unix_seconds = 0;
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
  // By reference.
  absl::StatusOr<std::vector<ImageRecord>> Images();
  // NotFound.
  absl::StatusOr<ImageRecord> FindImage(absl::string_view reference);

  // AlreadyExists when a file system is recorded at this mount point.
  absl::Status RecordFileSystem(const FileSystemRecord& file_system);
  // Its mounts are forgotten with it. Does nothing when there is no such record.
  absl::Status RemoveFileSystem(absl::string_view mount_point);
  // By mount point.
  absl::StatusOr<std::vector<FileSystemRecord>> FileSystems();

  // What is known of an index: whether the layer it was made for is what it says. None before Judge.
  absl::StatusOr<std::optional<bool>> JudgementOf(const Digest& index);
  // The index of a layer's blob that was made here, or found right; none when there is none.
  absl::StatusOr<std::optional<Digest>> RightIndexOf(const Digest& layer);
  // `right`: it was made here, or the layer's device turned out to be what its diffID names; else it did not.
  absl::Status Judge(const Digest& index, const Digest& layer, bool right);

  // Adds the mount, or replaces what was recorded at its directory. An error when its file system is not
  // recorded.
  absl::Status RecordMount(const MountRecord& mount);
  // Does nothing when there is no such record.
  absl::Status RemoveMount(absl::string_view directory);
  // By directory.
  absl::StatusOr<std::vector<MountRecord>> Mounts();

 private:
  explicit CacheDb(SqliteConnection connection) : connection_(std::move(connection)) {}

  // DataLoss when anything in the file cannot be read.
  static absl::StatusOr<std::unique_ptr<CacheDb>> OpenWhole(const std::string& path);
  absl::Status CheckJudgements();
  using ObjectsByOwner = std::map<std::string, std::vector<ObjectRecord>>;
  // Of a table of objects, whose owners are in the column `owner`.
  absl::StatusOr<ObjectsByOwner> Objects(absl::string_view table, absl::string_view owner)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status InsertObjects(absl::string_view table, const std::string& owner,
                             const std::vector<ObjectRecord>& objects) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  SqliteConnection connection_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
