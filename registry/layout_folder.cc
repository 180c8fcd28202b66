#include "registry/layout_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/index_edit.h"
#include "registry/layout_version.h"
#include "registry/pending_file.h"
#include "registry/upload_body.h"

namespace lacuna {
namespace {

constexpr char kVersionFile[] = "oci-layout";
constexpr uint64_t kMaxVersionBytes = 64 * 1024;

}  // namespace

absl::Status CheckLayout(const std::string& folder) {
  const absl::StatusOr<std::string> version =
      ReadBounded(absl::StrCat(folder, "/", kVersionFile), kMaxVersionBytes);
  if (absl::IsNotFound(version.status())) {
    return std::filesystem::exists(folder)
               ? absl::InvalidArgumentError("it is no OCI image layout: it has no file oci-layout")
               : absl::NotFoundError("No such file or directory");
  }
  if (!version.ok()) return version.status();
  return Annotate(CheckLayoutVersion(*version), kVersionFile);
}

absl::Status MakeLayout(const std::string& folder) {
  if (mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) return ErrnoStatus(errno, "making it");
  ASSIGN_OR_RETURN(const UniqueFd lock, LockLayout(folder));
  std::error_code error;
  const bool empty = std::filesystem::is_empty(folder, error);
  if (error) return ErrnoStatus(error.value(), "looking into it");
  if (!empty) {
    absl::Status status = CheckLayout(folder);
    if (!absl::IsInvalidArgument(status)) return status;
    return absl::InvalidArgumentError(
        absl::StrCat(status.message(), ", and is not empty; name a new folder or an empty one"));
  }
  const std::string blobs = absl::StrCat(folder, "/blobs/sha256");
  std::filesystem::create_directories(blobs, error);
  if (error) return ErrnoStatus(error.value(), blobs);
  RETURN_IF_ERROR(PutLayoutFile(folder, kLayoutIndex, EmptyIndex()));
  return PutLayoutFile(folder, kVersionFile, LayoutVersion());  // last: it makes this a layout
}

absl::StatusOr<UniqueFd> LockLayout(const std::string& folder) {
  UniqueFd lock(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock.valid()) return ErrnoStatus(errno, folder);
  int result = 0;
  do {
    result = flock(lock.get(), LOCK_EX);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return ErrnoStatus(errno, folder);
  return lock;
}

absl::StatusOr<std::string> ReadBounded(const std::string& path, uint64_t max_bytes) {
  ASSIGN_OR_RETURN(const std::shared_ptr<FileBody> file, FileBody::Open(path));
  if (file->size() > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", file->size(), " bytes, at most ", max_bytes, " are read"));
  }
  std::string bytes(file->size(), '\0');
  for (size_t at = 0; at < bytes.size();) {
    ASSIGN_OR_RETURN(const size_t got, file->ReadAt(at, absl::MakeSpan(bytes).subspan(at)));
    at += got;
  }
  return bytes;
}

absl::Status PutLayoutFile(const std::string& folder, const std::string& name, absl::string_view bytes) {
  ASSIGN_OR_RETURN(PendingFile file, PendingFile::In(folder));
  RETURN_IF_ERROR(file.Write(bytes));
  return file.Commit(absl::StrCat(folder, "/", name));
}

}  // namespace lacuna
