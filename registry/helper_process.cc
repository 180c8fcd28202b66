#include "registry/helper_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// A pipe's end that gives `input` and then the end of file. It is all written while the end to read is still
// ours: a child that never reads can neither make us wait nor raise SIGPIPE in us.
absl::StatusOr<UniqueFd> InputPipe(const std::string& input) {
  ASSIGN_OR_RETURN(Pipe pipe, MakePipe());
  if (fcntl(pipe.write.get(), F_SETFL, O_NONBLOCK) != 0) return ErrnoStatus(errno, "pipe");
  if (write(pipe.write.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size())) {
    return absl::InvalidArgumentError("its input is too long");
  }
  return std::move(pipe.read);
}

// How long poll may wait; rounded up, because a poll that returns early would spin.
int MillisecondsUntil(TimePoint deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 60'000));
}

struct SpawnAttributes {
  SpawnAttributes() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnAttributes() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

}  // namespace

HelperProcess::~HelperProcess() {
  if (pid_ != 0) KillAndReap();
}

absl::Status HelperProcess::Start(const std::string& program, const std::string& argument,
                                  const std::string& input) {
  ASSIGN_OR_RETURN(const UniqueFd child_input, InputPipe(input));
  ASSIGN_OR_RETURN(Pipe output, MakePipe());
  if (fcntl(output.read.get(), F_SETFL, O_NONBLOCK) != 0) return ErrnoStatus(errno, "pipe");
  RETURN_IF_ERROR(Spawn(program, argument, child_input.get(), output.write.get()));
  output_pipe_ = std::move(output.read);
  // Debian 12's <sys/pidfd.h> declares pidfd_open as a C++ function, which there is none of.
  ended_ = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  return ended_.valid() ? absl::OkStatus() : ErrnoStatus(errno, "pidfd_open");
}

absl::Status HelperProcess::Spawn(const std::string& program, const std::string& argument, int stdin_fd,
                                  int stdout_fd) {
  SpawnAttributes spawn;
  posix_spawn_file_actions_adddup2(&spawn.actions, stdin_fd, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&spawn.actions, stdout_fd, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&spawn.actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  // All of ours are O_CLOEXEC, but a library's may not be.
  posix_spawn_file_actions_addclosefrom_np(&spawn.actions, STDERR_FILENO + 1);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&spawn.attributes, &none);
  posix_spawnattr_setsigdefault(&spawn.attributes, &all);
  posix_spawnattr_setpgroup(&spawn.attributes, 0);
  posix_spawnattr_setflags(&spawn.attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  // posix_spawn does not write to them; its type is as old as execv's.
  char* const argv[] = {const_cast<char*>(program.c_str()), const_cast<char*>(argument.c_str()), nullptr};
  const int error = posix_spawnp(&pid_, program.c_str(), &spawn.actions, &spawn.attributes, argv, environ);
  if (error == 0) return absl::OkStatus();
  pid_ = 0;
  return ErrnoStatus(error, "cannot be started");
}

absl::StatusOr<HelperProcess::Outcome> HelperProcess::Wait(TimePoint deadline, int stop_fd,
                                                           size_t max_output) {
  while (true) {
    pollfd fds[] = {{.fd = ended_.get(), .events = POLLIN},
                    {.fd = stop_fd, .events = POLLIN},
                    {.fd = output_pipe_.get(), .events = POLLIN}};  // not looked at once it is closed
    const int wait_ms = MillisecondsUntil(deadline);
    if (poll(fds, 3, wait_ms) < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
    if (fds[1].revents != 0) return absl::CancelledError("was stopped");
    RETURN_IF_ERROR(ReadOutput(max_output));
    if (fds[0].revents != 0) return Outcome{KillAndReap(), std::move(output_)};
    if (wait_ms == 0) return absl::DeadlineExceededError("did not end in time");
  }
}

// Takes what is there. The end of the output is not the end of the child, nor the other way round: what the
// child started may hold its stdout for ever.
absl::Status HelperProcess::ReadOutput(size_t max_output) {
  char buffer[4096];
  while (output_pipe_.valid()) {
    const ssize_t got = read(output_pipe_.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got < 0) return ErrnoStatus(errno, "read");
    if (got == 0) output_pipe_.Reset();
    output_.append(buffer, got);
    if (output_.size() > max_output) return absl::ResourceExhaustedError("printed too much");
  }
  return absl::OkStatus();
}

int HelperProcess::KillAndReap() {
  // In this order: until it is reaped, nobody else can get the child's number or its group's.
  kill(-pid_, SIGKILL);
  kill(pid_, SIGKILL);  // it may have left its group
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  pid_ = 0;
  return status;
}

}  // namespace lacuna
