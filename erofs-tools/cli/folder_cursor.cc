#include "erofs-tools/cli/folder_cursor.h"

#include <fcntl.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/tree/file_tree.h"

namespace lacuna {
namespace {

constexpr int kFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

}  // namespace

absl::StatusOr<FolderCursor::FileId> FolderCursor::IdOf(int fd) {
  struct stat info = {};
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, "looking at a folder");
  return FileId(info.st_dev, info.st_ino);
}

absl::StatusOr<FolderCursor> FolderCursor::At(UniqueFd top) {
  UniqueFd current(fcntl(top.get(), F_DUPFD_CLOEXEC, 0));
  if (!current.valid()) return ErrnoStatus(errno, "opening a folder");
  ASSIGN_OR_RETURN(const FileId id, IdOf(top.get()));
  return FolderCursor(std::move(top), std::move(current), id);
}

absl::Status FolderCursor::Enter(const std::string& name) {
  if (ids_.size() > kMaxTreeDepth) {
    return absl::ResourceExhaustedError(
        absl::StrCat("more than ", kMaxTreeDepth, " directories are inside each other"));
  }
  UniqueFd below(openat(current_.get(), name.c_str(), kFolder));
  if (!below.valid()) return ErrnoStatus(errno, "opening the folder");
  ASSIGN_OR_RETURN(const FileId id, IdOf(below.get()));
  current_ = std::move(below);
  ids_.push_back(id);
  place_ = std::make_shared<const FolderPlace>(FolderPlace{std::move(place_), name});
  return absl::OkStatus();
}

absl::Status FolderCursor::Leave() {
  UniqueFd above(openat(current_.get(), "..", kFolder));
  if (!above.valid()) return ErrnoStatus(errno, "opening the folder above");
  ASSIGN_OR_RETURN(const FileId id, IdOf(above.get()));
  ids_.pop_back();
  place_ = std::shared_ptr(place_->above);
  if (id != ids_.back()) {
    return absl::AbortedError("somebody moved the folder while it was extracted");
  }
  current_ = std::move(above);
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> FolderCursor::Open(const std::shared_ptr<const FolderPlace>& place) const {
  std::vector<std::string> names;
  for (const FolderPlace* at = place.get(); at != nullptr; at = at->above.get()) names.push_back(at->name);
  UniqueFd at(fcntl(top_.get(), F_DUPFD_CLOEXEC, 0));
  for (; at.valid() && !names.empty(); names.pop_back()) {
    at.Reset(openat(at.get(), names.back().c_str(), kFolder));
  }
  if (!at.valid()) return ErrnoStatus(errno, "opening the folder of its first name");
  return at;
}

}  // namespace lacuna
