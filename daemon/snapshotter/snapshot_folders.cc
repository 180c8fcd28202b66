#include "daemon/snapshotter/snapshot_folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {
namespace {

absl::Status MakeFolder(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) != 0) return ErrnoStatus(errno, absl::StrCat("mkdir ", path));
  // Whatever the umask says.
  return chmod(path.c_str(), mode) == 0 ? absl::OkStatus() : ErrnoStatus(errno, absl::StrCat("chmod ", path));
}

// What a tree takes, one folder after the other. By descriptors: a container may make paths that no call
// takes.
class TreeSum {
 public:
  // Of a file whose folder is open. One that a container has removed meanwhile is none.
  absl::Status Add(int folder, const char* name) {
    struct stat found = {};
    if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0) return UnlessGone(name);
    const bool has_names = !S_ISDIR(found.st_mode) && found.st_nlink > 1;
    if (has_names && !seen_.insert(found.st_ino).second) return absl::OkStatus();
    ++sum_.inodes;
    sum_.bytes += static_cast<int64_t>(found.st_blocks) * S_BLKSIZE;
    if (!S_ISDIR(found.st_mode)) return absl::OkStatus();
    UniqueFd opened(openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    return opened.valid() ? AddEntries(std::move(opened)) : UnlessGone(name);
  }

  const SnapshotUsage& sum() const { return sum_; }

 private:
  struct CloseDir {
    void operator()(DIR* directory) const { closedir(directory); }
  };

  absl::Status AddEntries(UniqueFd folder) {
    const std::unique_ptr<DIR, CloseDir> directory(fdopendir(folder.get()));
    if (directory == nullptr) return ErrnoStatus(errno, "fdopendir");
    const int fd = folder.Release();
    while (const dirent* entry = readdir(directory.get())) {
      const absl::string_view name = entry->d_name;
      if (name != "." && name != "..") RETURN_IF_ERROR(Add(fd, entry->d_name));
    }
    return absl::OkStatus();
  }

  static absl::Status UnlessGone(const char* name) {
    return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, name);
  }

  SnapshotUsage sum_;
  std::set<ino_t> seen_;  // of those with several names
};

}  // namespace

absl::StatusOr<std::unique_ptr<SnapshotFolders>> SnapshotFolders::Open(const std::string& root,
                                                                       const std::string& run) {
  const std::string folder = absl::StrCat(root, "/snapshots");
  const std::string mounts = absl::StrCat(run, "/snapshots");
  for (const std::string& path : {folder, mounts}) {
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      return ErrnoStatus(errno, absl::StrCat("mkdir ", path));
    }
  }
  return std::unique_ptr<SnapshotFolders>(new SnapshotFolders(folder, mounts));
}

absl::Status SnapshotFolders::Make(int64_t number, bool writable, const FileOwner& owner) const {
  RETURN_IF_ERROR(MakeFolder(absl::StrCat(folder_, "/", number), 0700));
  const std::string upper = Upper(number);
  RETURN_IF_ERROR(MakeFolder(upper, 0755));
  if (chown(upper.c_str(), owner.uid, owner.gid) != 0) {
    return ErrnoStatus(errno, absl::StrCat("chown ", upper));
  }
  return writable ? MakeFolder(Work(number), 0711) : absl::OkStatus();
}

absl::Status SnapshotFolders::Remove(int64_t number) const {
  std::error_code error;
  const std::string folder = absl::StrCat(folder_, "/", number);
  std::filesystem::remove_all(folder, error);
  return error ? ErrnoStatus(error.value(), absl::StrCat("remove ", folder)) : absl::OkStatus();
}

absl::Status SnapshotFolders::Sync(int64_t number) const {
  const std::string upper = Upper(number);
  const UniqueFd folder(open(upper.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return ErrnoStatus(errno, absl::StrCat("open ", upper));
  return syncfs(folder.get()) == 0 ? absl::OkStatus() : ErrnoStatus(errno, absl::StrCat("syncfs ", upper));
}

absl::StatusOr<SnapshotUsage> SnapshotFolders::UsageOf(int64_t number) const {
  const std::string upper = Upper(number);
  TreeSum tree;
  const absl::Status added = tree.Add(AT_FDCWD, upper.c_str());
  if (!added.ok()) return Annotate(added, absl::StrCat("looking through ", upper));
  return tree.sum();
}

std::string SnapshotFolders::Upper(int64_t number) const {
  return absl::StrCat(folder_, "/", number, "/fs");
}

std::string SnapshotFolders::Work(int64_t number) const {
  return absl::StrCat(folder_, "/", number, "/work");
}

std::string SnapshotFolders::MountPoint(int64_t number) const {
  return absl::StrCat(mounts_, "/", number);
}

}  // namespace lacuna
