#include "registry/upload_body.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr size_t kReadSize = 1024 * 1024;

}  // namespace

absl::StatusOr<std::shared_ptr<FileBody>> FileBody::Open(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return ErrnoStatus(errno, path);
  return Of(std::move(file), path);
}

absl::StatusOr<std::shared_ptr<FileBody>> FileBody::Of(UniqueFd file, const std::string& path) {
  struct stat info = {};
  if (fstat(file.get(), &info) != 0) return ErrnoStatus(errno, path);
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(absl::StrCat(path, " is not a regular file"));
  return std::shared_ptr<FileBody>(new FileBody(path, std::move(file), static_cast<uint64_t>(info.st_size)));
}

absl::StatusOr<size_t> FileBody::ReadAt(uint64_t offset, absl::Span<char> out) {
  if (offset >= size_) return 0;
  out = out.first(std::min<uint64_t>(out.size(), size_ - offset));
  ssize_t got = 0;
  do {
    got = pread(file_.get(), out.data(), out.size(), static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return ErrnoStatus(errno, absl::StrCat("reading ", path_));
  if (got == 0 && !out.empty()) {
    return IntegrityError(
        absl::StrCat(path_, " became shorter while it was read: ", offset, " bytes, was ", size_));
  }
  return static_cast<size_t>(got);
}

absl::StatusOr<size_t> MemoryBody::ReadAt(uint64_t offset, absl::Span<char> out) {
  if (offset >= bytes_.size()) return 0;
  return bytes_.copy(out.data(), out.size(), offset);
}

absl::StatusOr<size_t> BodyPiece::ReadAt(uint64_t offset, absl::Span<char> out) {
  if (offset >= length_) return 0;
  out = out.first(std::min<uint64_t>(out.size(), length_ - offset));
  ASSIGN_OR_RETURN(const size_t got, whole_->ReadAt(offset_ + offset, out));
  if (progress_) progress_(offset_ + offset + got);
  return got;
}

absl::StatusOr<Digest> DigestOf(HttpBody& body, const BytesProgress& progress) {
  Sha256 hasher;
  std::vector<char> buffer(kReadSize);
  for (uint64_t offset = 0; offset < body.size();) {
    ASSIGN_OR_RETURN(const size_t got, body.ReadAt(offset, absl::MakeSpan(buffer)));
    hasher.Update(absl::MakeConstSpan(buffer).first(got));
    offset += got;
    if (progress) progress(offset);
  }
  return hasher.Finish();
}

}  // namespace lacuna
