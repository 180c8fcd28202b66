#include "erofs-tools/cli/write_at.h"

#include <unistd.h>

#include <cerrno>

#include "daemon/base/status.h"

namespace lacuna {

absl::Status WriteAt(int file, uint64_t offset, absl::Span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return ErrnoStatus(errno, "writing");
    offset += static_cast<uint64_t>(put);
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

}  // namespace lacuna
