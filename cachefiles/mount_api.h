// Thin wrappers of the mount system calls (fsopen(2), fsconfig(2), fsmount(2), move_mount(2), open_tree(2)).
//
// Callers: FuseDoor, erofs_mount. Thread-safe: an FsContext belongs to one thread, the rest are functions.
// A mount can make the kernel ask one of our own doors: never call from a door's thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

// A file system being configured. Errors carry what the kernel itself says about them, where it does.
class FsContext {
 public:
  // Unimplemented when the kernel does not have file system `type` (it is asked to load the module).
  static absl::StatusOr<FsContext> Open(const std::string& type);

  absl::Status SetFlag(const std::string& key);
  // InvalidArgument over 255 bytes: the kernel takes no longer value.
  absl::Status SetString(const std::string& key, const std::string& value);
  // What the kernel has said since it was last asked; it may object to an option that it takes.
  std::string TakeMessages() const;
  // Makes the file system, and of it a mount that is attached nowhere. `attributes` are MOUNT_ATTR_*.
  absl::StatusOr<UniqueFd> Mount(uint64_t attributes);

 private:
  FsContext(std::string type, UniqueFd context) : type_(std::move(type)), context_(std::move(context)) {}
  absl::Status Failure(int errno_value, const std::string& what) const;

  std::string type_;
  UniqueFd context_;
};

// Attaches a mount that is attached nowhere.
absl::Status AttachMount(const UniqueFd& mount, const std::string& target);

// A second, unattached mount of what is mounted at or holds `directory`, with the same attributes.
absl::StatusOr<UniqueFd> CloneMount(const std::string& directory);

}  // namespace lacuna
