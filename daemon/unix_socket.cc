#include "daemon/unix_socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr int kBacklog = 128;

absl::StatusOr<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "' cannot name a socket: at most ",
                                                   sizeof(address.sun_path) - 1,
                                                   " bytes are possible; choose a shorter run folder"));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

absl::StatusOr<UniqueFd> MakeSocket() {
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "socket");
  return fd;
}

// Keeps others from replacing a stale socket in the same folder while it is held.
absl::StatusOr<UniqueFd> LockFolderOf(const std::string& path) {
  const std::string folder = path.substr(0, path.find_last_of('/') + 1);
  UniqueFd fd(open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("open ", folder));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return ErrnoStatus(errno, absl::StrCat("lock ", folder));
  return absl::FailedPreconditionError(absl::StrCat("another lacunad is starting in ", folder));
}

absl::Status RemoveStaleSocket(const std::string& path) {
  struct stat found = {};
  if (lstat(path.c_str(), &found) != 0) {
    return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, absl::StrCat("stat ", path));
  }
  if (!S_ISSOCK(found.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is in the way and is not a socket; move it away"));
  }
  ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  ASSIGN_OR_RETURN(const UniqueFd probe, MakeSocket());
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
      errno != ECONNREFUSED) {
    return absl::FailedPreconditionError(absl::StrCat("another lacunad listens at ", path,
                                                      "; stop it, or give this one a run folder of its own"));
  }
  if (unlink(path.c_str()) != 0) return ErrnoStatus(errno, absl::StrCat("remove the stale ", path));
  return absl::OkStatus();
}

}  // namespace

std::string ControlSocketPath(absl::string_view run_dir) {
  return absl::StrCat(run_dir, "/lacunad.sock");
}

std::string SnapshotterSocketPath(absl::string_view run_dir) {
  return absl::StrCat(run_dir, "/snapshotter.sock");
}

absl::StatusOr<UniqueFd> ListenOnUnixSocket(const std::string& path) {
  ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  ASSIGN_OR_RETURN(const UniqueFd lock, LockFolderOf(path));
  RETURN_IF_ERROR(RemoveStaleSocket(path));
  ASSIGN_OR_RETURN(UniqueFd fd, MakeSocket());
  // bind gives the file the mode that the socket has by then (Linux): there is no instant with a wider one.
  if (fchmod(fd.get(), 0600) != 0) return ErrnoStatus(errno, "fchmod");
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(fd.get(), kBacklog) != 0) {
    return ErrnoStatus(errno, absl::StrCat("listen at ", path));
  }
  return fd;
}

absl::StatusOr<UniqueFd> ConnectToUnixSocket(const std::string& path) {
  ASSIGN_OR_RETURN(const sockaddr_un address, AddressOf(path));
  ASSIGN_OR_RETURN(UniqueFd fd, MakeSocket());
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  if (errno == EAGAIN) return absl::UnavailableError("it accepts no connections");  // its backlog is full
  return absl::UnavailableError(std::strerror(errno));
}

absl::StatusOr<ucred> UnixPeer(int connection) {
  ucred peer = {};
  socklen_t size = sizeof(peer);
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) return peer;
  return ErrnoStatus(errno, "SO_PEERCRED");
}

absl::Status CheckUnixPeer(int connection) {
  ASSIGN_OR_RETURN(const ucred peer, UnixPeer(connection));
  if (peer.uid == 0 || peer.uid == geteuid()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("user ", peer.uid, " (process ", peer.pid, ")"));
}

}  // namespace lacuna
