#include "daemon/host_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "daemon/file_system_check.h"
#include "daemon/unix_socket.h"

namespace lacuna {
namespace {

using Result = HostCheck::Result;
using testing::HasSubstr;

class HostCheckTest : public testing::Test {
 protected:
  HostCheckTest() {
    char name[] = "/tmp/host_check_test.XXXXXX";
    folder_ = mkdtemp(name);
    options_ = {.root = folder_ + "/root", .run = folder_, .dev_dir = folder_};
  }
  ~HostCheckTest() override { std::filesystem::remove_all(folder_); }

  HostCheck Find(const std::string& name) const {
    for (const HostCheck& check : CheckHost(options_)) {
      if (check.name == name) return check;
    }
    ADD_FAILURE() << "no check '" << name << "'";
    return {};
  }

  static std::string MountTable() {
    std::ifstream mounts("/proc/self/mountinfo");
    return {std::istreambuf_iterator<char>(mounts), std::istreambuf_iterator<char>()};
  }

  std::string folder_;
  HostCheckOptions options_;
};

TEST_F(HostCheckTest, WithoutFuseTheHostIsUnusable) {
  const HostCheck check = Find("/dev/fuse");
  EXPECT_EQ(check.result, Result::kFail);
  EXPECT_EQ(check.found, "No such file or directory");
  EXPECT_THAT(check.advice, HasSubstr("modprobe fuse"));
}

TEST_F(HostCheckTest, AFuseDeviceThatOpensIsUsable) {
  std::ofstream(folder_ + "/fuse") << "";
  EXPECT_EQ(Find("/dev/fuse").result, Result::kOk);
}

TEST_F(HostCheckTest, AHostWithoutCachefilesIsToldWhyAndThatItDoesNotMatter) {
  const HostCheck absent = Find("/dev/cachefiles");
  EXPECT_EQ(absent.result, Result::kOk);
  EXPECT_EQ(
      absent.found,
      "absent; modprobe cachefiles, or take a kernel built with CONFIG_CACHEFILES_ONDEMAND (the fuse door "
      "serves without it)");
  std::ofstream(folder_ + "/cachefiles") << "";
  EXPECT_THAT(Find("/dev/cachefiles").found, HasSubstr("no device"));
}

TEST_F(HostCheckTest, ADeviceThatTakesNoCommandsHasNoOnDemandMode) {
  std::filesystem::create_symlink("/dev/full", folder_ + "/cachefiles");
  EXPECT_THAT(Find("/dev/cachefiles").found, HasSubstr("without on-demand mode"));
}

TEST_F(HostCheckTest, ADaemonThatListensIsFound) {
  const HostCheck absent = Find("lacunad");
  EXPECT_EQ(absent.result, Result::kWarn);
  EXPECT_THAT(absent.found, HasSubstr("not reachable at " + folder_ + "/lacunad.sock: No such file"));
  const absl::StatusOr<UniqueFd> listening = ListenOnUnixSocket(ControlSocketPath(folder_));
  ASSERT_TRUE(listening.ok()) << listening.status();
  EXPECT_EQ(Find("lacunad").result, Result::kOk);
}

TEST_F(HostCheckTest, AFewDescriptorsAreAWarning) {
  rlimit before = {};
  getrlimit(RLIMIT_NOFILE, &before);
  if (before.rlim_max < 4096) GTEST_SKIP() << "this host allows few descriptors";
  EXPECT_EQ(Find("file descriptors").result, Result::kOk);
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to raise the limit again";
  const rlimit few = {.rlim_cur = 1024, .rlim_max = 1024};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  const HostCheck check = Find("file descriptors");
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(check.result, Result::kWarn);
  EXPECT_THAT(check.found, HasSubstr("1024"));
  EXPECT_THAT(check.advice, HasSubstr("4096"));
}

TEST_F(HostCheckTest, TheCacheFoldersFileSystemDecides) {
  struct statfs shm = {};
  if (statfs("/dev/shm", &shm) != 0 || shm.f_type != TMPFS_MAGIC) GTEST_SKIP() << "/dev/shm is no tmpfs here";
  options_.root = "/dev/shm/lacuna/not-there-yet";
  const HostCheck refused = Find("cache folder");
  EXPECT_EQ(refused.result, Result::kFail);
  EXPECT_THAT(refused.found, HasSubstr("/dev/shm/lacuna/not-there-yet is on tmpfs"));
  EXPECT_THAT(refused.advice, HasSubstr("ext4 or xfs"));
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to whom /proc is writable";
  options_.root = "/proc";  // stands for any file system that is not refused
  EXPECT_EQ(Find("cache folder").result, Result::kOk);
}

// EROFS mounts regular files since Linux 6.12.
bool KernelMountsFiles() {
  utsname name = {};
  int major = 0;
  int minor = 0;
  return uname(&name) == 0 && std::sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
         std::pair(major, minor) >= std::pair(6, 12);
}

TEST_F(HostCheckTest, TheTrialMountsWorkHereAndLeaveNothingBehind) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to mount";
  if (Find("EROFS").result != Result::kOk) GTEST_SKIP() << "this kernel has no EROFS";
  if (!CheckCacheFileSystem(folder_).ok()) GTEST_SKIP() << "/tmp is on a file system for no cache folder";
  const std::string before = MountTable();
  EXPECT_EQ(Find("EROFS mounts of loop devices").found, "work");
  const HostCheck direct = Find("EROFS mounts of files");
  EXPECT_EQ(direct.result, Result::kOk) << "loop devices are enough";
  if (KernelMountsFiles()) {
    EXPECT_EQ(direct.found, "work");
  }
  EXPECT_EQ(MountTable(), before);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(HostCheckTest, WhereNoFileCanBeMadeTheKernelIsNotBlamed) {
  options_.root = "/proc";
  const HostCheck check = Find("EROFS mounts");
  EXPECT_EQ(check.result, Result::kFail);
  EXPECT_THAT(check.found, HasSubstr("a file in /proc: "));
  EXPECT_THAT(check.advice, HasSubstr("cache folder"));
}

TEST_F(HostCheckTest, ACacheFolderThatCannotBeWrittenIsNone) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to mount";
  ASSERT_EQ(mount(folder_.c_str(), folder_.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(mount(nullptr, folder_.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
  const HostCheck check = Find("cache folder");
  ASSERT_EQ(umount(folder_.c_str()), 0);
  EXPECT_EQ(check.result, Result::kFail);
  EXPECT_EQ(check.found, folder_ + " cannot be written: Read-only file system");
  EXPECT_THAT(check.advice, HasSubstr("writable"));
}

TEST(HostCheck, TheWorstDecides) {
  EXPECT_EQ(WorstOf({}), Result::kOk);
  EXPECT_EQ(WorstOf({{.result = Result::kOk}, {.result = Result::kWarn}, {.result = Result::kOk}}),
            Result::kWarn);
  EXPECT_EQ(WorstOf({{.result = Result::kFail}, {.result = Result::kWarn}}), Result::kFail);
}

}  // namespace
}  // namespace lacuna
