#include "cachefiles/cachefiles_device.h"

#include <fcntl.h>
#include <linux/cachefiles.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr char kDevice[] = "/dev/cachefiles";

absl::Status OpenError(int error) {
  absl::string_view advice;
  switch (error) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      advice = "; load the module with 'modprobe cachefiles', or choose another door";
      break;
    case EBUSY:
      advice =
          "; it has one user at a time: stop cachefilesd or the other lacunad, whose mounts and open "
          "descriptors keep it busy too";
      break;
    case EPERM:
    case EACCES:
      advice = "; it takes CAP_SYS_ADMIN";
      break;
    default:
      break;
  }
  const absl::Status status = ErrnoStatus(error, absl::StrCat("open ", kDevice));
  return {status.code(), absl::StrCat(status.message(), advice)};
}

}  // namespace

CachefilesFd::CachefilesFd(UniqueFd device, UniqueFd wake)
    : device_(std::move(device)), wake_(std::move(wake)) {}

absl::StatusOr<std::shared_ptr<CachefilesDevice>> CachefilesFd::Make(UniqueFd device) {
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return ErrnoStatus(errno, "eventfd for the cachefiles door");
  return std::shared_ptr<CachefilesDevice>(new CachefilesFd(std::move(device), std::move(wake)));
}

absl::StatusOr<std::shared_ptr<CachefilesDevice>> CachefilesFd::Open() {
  UniqueFd device(open(kDevice, O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!device.valid()) return OpenError(errno);
  return Make(std::move(device));
}

int CachefilesFd::Command(absl::string_view command) {
  int error = EBADF;
  device_.WhileOpen([&](int fd) {
    // The kernel takes a command whole or not at all. It is not repeated on EINTR: it may have taken effect.
    error = write(fd, command.data(), command.size()) < 0 ? errno : 0;
  });
  return error;
}

ssize_t CachefilesFd::Receive(absl::Span<char> buffer) {
  ssize_t result = -EBADF;
  device_.WhileOpen([&](int fd) {
    do result = read(fd, buffer.data(), buffer.size());
    while (result < 0 && errno == EINTR);
    if (result < 0) result = errno == EAGAIN ? 0 : -errno;
  });
  return result;
}

CachefilesEvents CachefilesFd::Wait(bool for_culling, std::chrono::milliseconds timeout) {
  CachefilesEvents events = {.broken = true};
  device_.WhileOpen([&](int fd) {
    const short interest = for_culling ? POLLIN | POLLOUT : POLLIN;
    pollfd fds[] = {{.fd = fd, .events = interest}, {.fd = wake_.get(), .events = POLLIN}};
    // A signal ends it early: the caller looks again.
    if (poll(fds, 2, static_cast<int>(timeout.count())) <= 0) fds[0].revents = 0;
    events = {.requests = (fds[0].revents & POLLIN) != 0,
              .culling = (fds[0].revents & POLLOUT) != 0,
              .broken = (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0};
  });
  return events;
}

absl::Status CachefilesFd::LeaveTo(Keeper& keeper) {
  absl::Status status = absl::UnavailableError("the cachefiles device is closed");
  device_.WhileOpen([&](int fd) { status = keeper.Keep(KeptKind::kCachefilesDevice, fd); });
  return status;
}

void CachefilesFd::Wake() {
  eventfd_write(wake_.get(), 1);
}

int CachefilesFd::CompleteRead(int object_fd, uint32_t msg_id) {
  return ioctl(object_fd, CACHEFILES_IOC_READ_COMPLETE, static_cast<unsigned long>(msg_id)) == 0 ? 0 : errno;
}

}  // namespace lacuna
