#include "daemon/snapshotter/mount_visibility.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "tests/fakes/scoped_mount.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

using testing::HasSubstr;

// A process that does nothing, in a mount namespace of its own.
class ProcessElsewhere {
 public:
  ProcessElsewhere() {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    pid_ = fork();
    if (pid_ == 0) {
      const bool apart =
          unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
      const char answer = apart ? 'y' : 'n';
      if (write(ready[1], &answer, 1) != 1) _exit(1);
      while (true) pause();
    }
    close(ready[1]);
    char answer = 'n';
    apart_ = read(ready[0], &answer, 1) == 1 && answer == 'y';
    close(ready[0]);
  }
  ~ProcessElsewhere() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  ProcessElsewhere(const ProcessElsewhere&) = delete;
  ProcessElsewhere& operator=(const ProcessElsewhere&) = delete;

  bool apart() const { return apart_; }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
  bool apart_ = false;
};

TEST(MountVisibility, ProcessesBesideUsAreInTheSameNamespace) {
  EXPECT_TRUE(CheckSameMountNamespace(getpid()).ok());
  EXPECT_TRUE(CheckSameMountNamespace(getppid()).ok());
}

TEST(MountVisibility, AnUnknownProcessIsElsewhere) {
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckSameMountNamespace(0)));
}

TEST(MountVisibility, AnotherNamespaceIsSaidWithWhatToDo) {
  const ProcessElsewhere elsewhere;
  if (!elsewhere.apart()) GTEST_SKIP() << "needs root: mount namespaces";
  const absl::Status status = CheckSameMountNamespace(elsewhere.pid());
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(absl::StrCat("containerd (process ", elsewhere.pid(), ")")));
  EXPECT_THAT(std::string(status.message()), HasSubstr("PrivateMounts"));
}

// Overlayfs would mount happily over the empty directory below.
TEST(MountVisibility, WhatIsNoErofsIsNotTheImage) {
  const TempDir folder;
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckSeesErofs(getpid(), folder.path())));
  EXPECT_FALSE(CheckSeesErofs(getpid(), folder / "missing").ok());
}

TEST(MountVisibility, WhatWasMountedAfterTheyLeftTheyDoNotSee) {
  const TempDir folder;
  const ProcessElsewhere elsewhere;
  const ScopedMount mounted("tmpfs", folder.path(), "tmpfs", 0, "");
  if (!elsewhere.apart() || !mounted.status().ok()) GTEST_SKIP() << "needs root: mounts";
  const absl::Status status = CheckSeesErofs(elsewhere.pid(), folder.path());
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(folder.path()));
}

}  // namespace
}  // namespace lacuna
