// Who may listen at the control socket and who may call: without gRPC.
#include "daemon/unix_socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace lacuna {
namespace {

class UnixSocket : public testing::Test {
 protected:
  UnixSocket() {
    char name[] = "/tmp/unix_socket_test.XXXXXX";
    folder_ = mkdtemp(name);
    path_ = ControlSocketPath(folder_);
  }
  ~UnixSocket() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  std::string path_;
};

TEST_F(UnixSocket, IsForItsOwnerAlone) {
  const absl::StatusOr<UniqueFd> fd = ListenOnUnixSocket(path_);
  ASSERT_TRUE(fd.ok()) << fd.status();
  struct stat found = {};
  ASSERT_EQ(stat(path_.c_str(), &found), 0);
  EXPECT_TRUE(S_ISSOCK(found.st_mode));
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  EXPECT_TRUE(fcntl(fd->get(), F_GETFD) & FD_CLOEXEC);
}

TEST_F(UnixSocket, ReplacesTheSocketOfADeadDaemon) {
  { const absl::StatusOr<UniqueFd> dead = ListenOnUnixSocket(path_); }
  ASSERT_TRUE(std::filesystem::exists(path_));
  const absl::StatusOr<UniqueFd> fd = ListenOnUnixSocket(path_);
  ASSERT_TRUE(fd.ok()) << fd.status();
  EXPECT_TRUE(ConnectToUnixSocket(path_).ok());
}

TEST_F(UnixSocket, LeavesALivingDaemonAlone) {
  const absl::StatusOr<UniqueFd> first = ListenOnUnixSocket(path_);
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::Status second = ListenOnUnixSocket(path_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(second));
  EXPECT_THAT(std::string(second.message()), testing::HasSubstr("another lacunad listens at " + path_));
  EXPECT_TRUE(ConnectToUnixSocket(path_).ok());
}

TEST_F(UnixSocket, LeavesALivingDaemonWithAFullBacklogAlone) {
  const absl::StatusOr<UniqueFd> first = ListenOnUnixSocket(path_);
  ASSERT_TRUE(first.ok()) << first.status();
  std::vector<UniqueFd> callers;
  absl::StatusOr<UniqueFd> caller = ConnectToUnixSocket(path_);
  for (; caller.ok(); caller = ConnectToUnixSocket(path_)) callers.push_back(*std::move(caller));
  EXPECT_EQ(caller.status().message(), "it accepts no connections");
  EXPECT_TRUE(absl::IsFailedPrecondition(ListenOnUnixSocket(path_).status()));
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(UnixSocket, NeverRemovesWhatIsNotASocket) {
  std::ofstream(path_) << "precious";
  const absl::Status status = ListenOnUnixSocket(path_).status();
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("is not a socket"));
  EXPECT_EQ(std::filesystem::file_size(path_), 8u);
}

TEST_F(UnixSocket, OneStarterAtATime) {
  { const absl::StatusOr<UniqueFd> dead = ListenOnUnixSocket(path_); }
  UniqueFd other(open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  ASSERT_EQ(flock(other.get(), LOCK_EX), 0);
  EXPECT_THAT(std::string(ListenOnUnixSocket(path_).status().message()),
              testing::HasSubstr("another lacunad is starting"));
  other.Reset();
  EXPECT_TRUE(ListenOnUnixSocket(path_).ok());
}

TEST_F(UnixSocket, ErrorsNameThePathAndTheCause) {
  EXPECT_THAT(std::string(ListenOnUnixSocket(std::string(108, 'x')).status().message()),
              testing::HasSubstr("at most 107 bytes"));
  EXPECT_THAT(std::string(ListenOnUnixSocket("/nonexistent/lacunad.sock").status().message()),
              testing::HasSubstr("open /nonexistent/: No such file or directory"));
  EXPECT_EQ(ConnectToUnixSocket(path_).status().message(), "No such file or directory");
  { const absl::StatusOr<UniqueFd> dead = ListenOnUnixSocket(path_); }
  EXPECT_EQ(ConnectToUnixSocket(path_).status().message(), "Connection refused");
}

// What CheckUnixPeer says, at our end, of a child that connects as `uid`.
absl::Status CheckChild(const std::string& folder, int listening, uid_t uid) {
  const pid_t child = fork();
  if (child == 0) {
    // From within: the folders above need not let everybody pass.
    if (chdir(folder.c_str()) != 0 || setuid(uid) != 0) _exit(1);
    const absl::StatusOr<UniqueFd> connection = ConnectToUnixSocket(ControlSocketPath("."));
    char answer = 0;
    _exit(connection.ok() && read(connection->get(), &answer, 1) >= -1 ? 0 : 2);
  }
  int ended = -1;
  EXPECT_EQ(waitpid(child, &ended, 0), child);
  EXPECT_EQ(ended, 0);
  const UniqueFd connection(accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
  return CheckUnixPeer(connection.get());
}

TEST_F(UnixSocket, KnowsItsCallers) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to call as somebody else";
  const absl::StatusOr<UniqueFd> fd = ListenOnUnixSocket(path_);
  ASSERT_TRUE(fd.ok()) << fd.status();
  chmod(folder_.c_str(), 0755);
  chmod(path_.c_str(), 0666);  // as if somebody had opened it up
  EXPECT_TRUE(CheckChild(folder_, fd->get(), 0).ok());
  const absl::Status other = CheckChild(folder_, fd->get(), 65534);
  EXPECT_TRUE(absl::IsPermissionDenied(other));
  EXPECT_THAT(std::string(other.message()), testing::StartsWith("user 65534 (process "));
}

}  // namespace
}  // namespace lacuna
