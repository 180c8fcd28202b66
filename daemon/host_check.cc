#include "daemon/host_check.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cachefiles/erofs_mount.h"
#include "daemon/base/format_bytes.h"
#include "daemon/base/status.h"
#include "daemon/base/unique_fd.h"
#include "daemon/cachefiles_check.h"
#include "daemon/file_system_check.h"
#include "daemon/test_mount.h"
#include "daemon/unix_socket.h"

namespace lacuna {
namespace {

using Result = HostCheck::Result;

// An object in use takes two descriptors, a connection to a registry one, a client one.
constexpr rlim_t kEnoughDescriptors = 4096;

// Mounts need it; the effective set, as capabilities(7) has it.
bool HasSysAdmin() {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  return (data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN)) != 0;
}

HostCheck CheckPrivileges() {
  HostCheck check{.name = "privileges"};
  if (geteuid() == 0 && HasSysAdmin()) {
    check.found = "root with CAP_SYS_ADMIN";
    return check;
  }
  check.result = Result::kFail;
  check.found = geteuid() == 0 ? "root without CAP_SYS_ADMIN" : absl::StrCat("user ", geteuid());
  check.advice = geteuid() == 0 ? "run outside the container, or give it CAP_SYS_ADMIN" : "run as root";
  return check;
}

HostCheck CheckFuse(const std::string& dev_dir) {
  HostCheck check{.name = "/dev/fuse"};
  if (UniqueFd(open((dev_dir + "/fuse").c_str(), O_RDWR | O_CLOEXEC)).valid()) {
    check.found = "usable";
    return check;
  }
  check.result = Result::kFail;
  check.found = std::strerror(errno);
  check.advice = errno == ENOENT || errno == ENODEV ? "modprobe fuse; in a container, give it the device"
                                                    : "run as root; in a container, allow the device";
  return check;
}

HostCheck CheckErofs() {
  if (KernelHasErofs()) return {.name = "EROFS", .found = "known to the kernel"};
  return {.name = "EROFS",
          .result = Result::kFail,
          .found = "unknown to the kernel",
          .advice = "modprobe erofs, or take a kernel built with CONFIG_EROFS_FS"};
}

// The tiny image as a file without a name, on the file system that will hold the backing files: not every one
// can be under an EROFS (tmpfs cannot).
absl::StatusOr<UniqueFd> TinyImageFile(const std::string& root) {
  const std::string folder = NearestExisting(root);
  UniqueFd file(open(folder.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
  if (!file.valid()) return ErrnoStatus(errno, absl::StrCat("a file in ", folder));
  const std::string image = TestImage();
  if (write(file.get(), image.data(), image.size()) != static_cast<ssize_t>(image.size())) {
    return ErrnoStatus(errno, absl::StrCat("a file in ", folder));
  }
  return file;
}

// Mounts the tiny image and reads it back.
absl::Status TryErofsMount(const UniqueFd& image, bool through_loop) {
  char folder[] = "/tmp/lacuna-doctor.XXXXXX";
  if (mkdtemp(folder) == nullptr) return ErrnoStatus(errno, folder);
  const absl::Cleanup remove = [&] { rmdir(folder); };
  const MountSpec spec{.source = absl::StrCat("/proc/self/fd/", image.get()), .through_loop = through_loop};
  return TryTestMount(spec, folder);
}

// One of the two ways is enough: without the first, lacunad takes the second by itself.
void AppendErofsMounts(const std::string& root, std::vector<HostCheck>& checks) {
  const absl::StatusOr<UniqueFd> image = TinyImageFile(root);
  if (!image.ok()) {
    checks.push_back({.name = "EROFS mounts",
                      .result = Result::kFail,
                      .found = absl::StrCat("not tried, for want of ", image.status().message()),
                      .advice = "run as root, with a cache folder that can be written"});
    return;
  }
  const absl::Status direct = TryErofsMount(*image, /*through_loop=*/false);
  const absl::Status loop = TryErofsMount(*image, /*through_loop=*/true);
  const Result if_missing = direct.ok() || loop.ok() ? Result::kOk : Result::kFail;
  const auto append = [&](const char* name, const absl::Status& status, const char* otherwise,
                          const char* advice) {
    HostCheck check{.name = name, .found = "work"};
    if (!status.ok()) {
      check.result = if_missing;
      check.found = std::string(status.message());
      if (if_missing == Result::kOk) absl::StrAppend(&check.found, " (", otherwise, ")");
      if (if_missing == Result::kFail) check.advice = advice;
    }
    checks.push_back(std::move(check));
  };
  append("EROFS mounts of files", direct, "loop devices are used instead",
         "Linux 6.12 and later have them (CONFIG_EROFS_FS_BACKED_BY_FILE)");
  append("EROFS mounts of loop devices", loop, "not needed here",
         "modprobe loop; in a container, allow /dev/loop*");
}

HostCheck CheckCacheFolder(const std::string& root) {
  HostCheck check{.name = "cache folder", .found = root};
  const absl::Status status = CheckCacheFileSystem(root);
  if (!status.ok()) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(status.message(), absl::MaxSplits("; ", 1));
    return {.name = check.name, .result = Result::kFail, .found = parts.first, .advice = parts.second};
  }
  const std::string existing = NearestExisting(root);
  if (access(existing.c_str(), W_OK) != 0) {
    return {.name = check.name,
            .result = Result::kFail,
            .found = absl::StrCat(existing, " cannot be written: ", std::strerror(errno)),
            .advice = "run as root; put the cache folder on a file system that is mounted writable"};
  }
  struct statvfs space = {};
  if (statvfs(root.c_str(), &space) != 0) {
    absl::StrAppend(&check.found, ", not there yet");
  } else {
    absl::StrAppend(&check.found, ", ", FormatBytes(uint64_t{space.f_bavail} * space.f_frsize), " free");
  }
  return check;
}

// The hard limit: a process may raise its soft one so far by itself (getrlimit(2)).
HostCheck CheckDescriptors() {
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  HostCheck check{.name = "file descriptors", .found = absl::StrCat("at most ", limit.rlim_max)};
  if (limit.rlim_max >= kEnoughDescriptors) return check;
  check.result = Result::kWarn;
  check.advice = absl::StrCat("allow at least ", kEnoughDescriptors, " (ulimit -Hn, LimitNOFILE=)");
  return check;
}

HostCheck CheckDaemon(const std::string& run) {
  const std::string path = ControlSocketPath(run);
  const absl::Status status = ConnectToUnixSocket(path).status();
  if (status.ok()) return {.name = "lacunad", .found = absl::StrCat("listens at ", path)};
  return {.name = "lacunad",
          .result = Result::kWarn,
          .found = absl::StrCat("not reachable at ", path, ": ", status.message()),
          .advice = "systemctl start lacunad"};
}

}  // namespace

std::vector<HostCheck> CheckHost(const HostCheckOptions& options) {
  std::vector<HostCheck> checks = {CheckPrivileges(), CheckFuse(options.dev_dir), CheckErofs()};
  AppendErofsMounts(options.root, checks);
  checks.push_back(CheckCachefiles(options.dev_dir));
  checks.push_back(CheckCacheFolder(options.root));
  checks.push_back(CheckDescriptors());
  checks.push_back(CheckDaemon(options.run));
  return checks;
}

HostCheck::Result WorstOf(const std::vector<HostCheck>& checks) {
  Result worst = Result::kOk;
  for (const HostCheck& check : checks) worst = std::max(worst, check.result);
  return worst;
}

absl::string_view ToString(HostCheck::Result result) {
  switch (result) {
    case Result::kOk:
      return "ok";
    case Result::kWarn:
      return "warn";
    case Result::kFail:
      return "fail";
  }
  return "fail";
}

}  // namespace lacuna
