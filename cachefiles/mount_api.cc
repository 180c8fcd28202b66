#include "cachefiles/mount_api.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr size_t kLongestValue = 255;  // fs/fsopen.c: strndup_user(_value, 256)

// What the kernel has logged to this context: each read gives one line, "e text" for an error; then ENODATA.
std::string KernelMessages(int context) {
  std::string messages;
  char line[512];
  ssize_t size;
  while ((size = read(context, line, sizeof(line))) > 0) {
    absl::string_view text(line, static_cast<size_t>(size));
    if (text.size() > 2 && text[1] == ' ') text.remove_prefix(2);
    absl::StrAppend(&messages, messages.empty() ? "" : "; ", absl::StripSuffix(text, "\n"));
  }
  return messages;
}

}  // namespace

absl::StatusOr<FsContext> FsContext::Open(const std::string& type) {
  UniqueFd context(fsopen(type.c_str(), FSOPEN_CLOEXEC));
  if (!context.valid()) return ErrnoStatus(errno, absl::StrCat("fsopen ", type));
  return FsContext(type, std::move(context));
}

absl::Status FsContext::SetFlag(const std::string& key) {
  if (fsconfig(context_.get(), FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0) == 0) return absl::OkStatus();
  return Failure(errno, absl::StrCat("option ", key));
}

absl::Status FsContext::SetString(const std::string& key, const std::string& value) {
  if (value.size() > kLongestValue) {
    return absl::InvalidArgumentError(absl::StrCat("mount option ", key, "=", value, " has ", value.size(),
                                                   " bytes, the kernel takes ", kLongestValue,
                                                   "; use a shorter run or cache folder"));
  }
  if (fsconfig(context_.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0) == 0) {
    return absl::OkStatus();
  }
  return Failure(errno, absl::StrCat("option ", key, "=", value));
}

std::string FsContext::TakeMessages() const {
  return KernelMessages(context_.get());
}

absl::StatusOr<UniqueFd> FsContext::Mount(uint64_t attributes) {
  if (fsconfig(context_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return Failure(errno, "making the file system");
  }
  UniqueFd mount(fsmount(context_.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
  if (!mount.valid()) return Failure(errno, "fsmount");
  return mount;
}

absl::Status FsContext::Failure(int errno_value, const std::string& what) const {
  const std::string messages = TakeMessages();
  const std::string detail = messages.empty() ? "" : absl::StrCat(" (kernel: ", messages, ")");
  return ErrnoStatus(errno_value, absl::StrCat("mount of ", type_, ": ", what, detail));
}

absl::Status AttachMount(const UniqueFd& mount, const std::string& target) {
  if (move_mount(mount.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0) {
    return absl::OkStatus();
  }
  return ErrnoStatus(errno, absl::StrCat("attaching a mount at ", target));
}

absl::StatusOr<UniqueFd> CloneMount(const std::string& directory) {
  UniqueFd mount(open_tree(AT_FDCWD, directory.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!mount.valid()) return ErrnoStatus(errno, absl::StrCat("cloning the mount at ", directory));
  return mount;
}

}  // namespace lacuna
