// What a sealed thread can do and what not. In a child, because a seal is for good.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>

#include "daemon/keeper/seal.h"

namespace lacuna {
namespace {

// The exit status of a sealed child that runs `action`; 99 when it could not be sealed.
template <typename Action>
int InASealedChild(Action action) {
  const pid_t child = fork();
  // Raw system calls: a sanitizer's own would be refused too.
  if (child == 0) syscall(SYS_exit_group, SealThread() ? action() : 99);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(Seal, ASealedThreadCanAnswer) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  EXPECT_EQ(InASealedChild([&] { return syscall(SYS_write, ends[1], "x", 1) == 1 ? 0 : 1; }), 0);
  char byte = 0;
  EXPECT_EQ(read(ends[0], &byte, 1), 1);
}

TEST(Seal, ASealedThreadCanDoNothingElse) {
  EXPECT_EQ(InASealedChild([] { return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0; }),
            EPERM);
  EXPECT_EQ(
      InASealedChild([] { return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY) < 0 ? errno : 0; }),
      EPERM);
  EXPECT_EQ(InASealedChild([] { return syscall(SYS_fork) < 0 ? errno : 0; }), EPERM);
  EXPECT_EQ(InASealedChild([] { return syscall(SYS_kill, 1, 0) < 0 ? errno : 0; }), EPERM);
}

}  // namespace
}  // namespace lacuna
