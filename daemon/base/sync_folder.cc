#include "daemon/base/sync_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "daemon/base/status.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

absl::Status SyncFolder(const std::string& folder) {
  const UniqueFd opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.valid() || fsync(opened.get()) != 0) return ErrnoStatus(errno, folder);
  return absl::OkStatus();
}

}  // namespace lacuna
