// A place in a tree of folders that is being written: one open folder, from which it goes down and up.
// Nothing that the tree holds leads out of it: no path is followed but by one name at a time, and none
// through a symbolic link. Depth costs no descriptors.
//
// Caller: TreeExtractor. One thread.
#pragma once

#include <sys/stat.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

// A folder's name, and those of the folders that it is in: a deep tree's paths would take much more memory.
struct FolderPlace {
  std::shared_ptr<const FolderPlace> above;  // null: the top
  std::string name;
};

class FolderCursor {
 public:
  // At `top`, an open folder.
  static absl::StatusOr<FolderCursor> At(UniqueFd top);

  // The folder that it is at.
  int fd() const { return current_.get(); }
  // Goes into what was just made there. ResourceExhausted beyond kMaxTreeDepth.
  absl::Status Enter(const std::string& name);
  // Goes up. Aborted when somebody has moved the folder meanwhile.
  absl::Status Leave();
  // Where it is, to be kept; null at the top.
  std::shared_ptr<const FolderPlace> place() const { return place_; }
  // The folder that is at `place` now.
  absl::StatusOr<UniqueFd> Open(const std::shared_ptr<const FolderPlace>& place) const;

 private:
  using FileId = std::pair<dev_t, ino_t>;

  FolderCursor(UniqueFd top, UniqueFd current, FileId id)
      : top_(std::move(top)), current_(std::move(current)), ids_({id}) {}
  static absl::StatusOr<FileId> IdOf(int fd);

  UniqueFd top_;
  UniqueFd current_;
  std::vector<FileId> ids_;  // of each folder from the top down to here
  std::shared_ptr<const FolderPlace> place_;
};

}  // namespace lacuna
