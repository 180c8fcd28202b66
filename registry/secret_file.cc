#include "registry/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {
namespace {

constexpr size_t kMaxPasswordFileBytes = 64 * 1024;

}  // namespace

absl::StatusOr<std::string> ReadSecretFile(const std::string& path, size_t max_bytes) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat found;
  if (!file.valid() || fstat(file.get(), &found) != 0) return ErrnoStatus(errno, path);
  if (!S_ISREG(found.st_mode)) return absl::InvalidArgumentError(absl::StrCat(path, ": is no regular file"));
  std::string content;
  char buffer[4096];
  while (true) {
    const ssize_t got = read(file.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno, path);
    if (got == 0) return content;
    content.append(buffer, got);
    if (content.size() > max_bytes) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": is larger than ", max_bytes, " bytes"));
    }
  }
}

absl::StatusOr<std::string> ReadPasswordFile(const std::string& path) {
  ASSIGN_OR_RETURN(std::string content, ReadSecretFile(path, kMaxPasswordFileBytes));
  content.resize(std::min(content.size(), content.find('\n')));
  if (!content.empty() && content.back() == '\r') content.pop_back();
  if (content.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": its first line is empty"));
  return content;
}

}  // namespace lacuna
