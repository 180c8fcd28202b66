// A small program that is given a few bytes and asked for a few: the child of credential_helper.
//
// Callers: credential_helper. One thread; several children may be started at the same time by different
// threads. The child leads a process group of its own, gets no file descriptor of ours beside stdin and
// stdout, the default signal handling, and /dev/null for stderr, where programs may print secrets.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/base/clock.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

class HelperProcess {
 public:
  // What the child did until it ended.
  struct Outcome {
    int wait_status = 0;  // as of waitpid
    std::string output;
  };

  HelperProcess() = default;
  // Kills the child and everything that is left of its group, and reaps it.
  ~HelperProcess();
  HelperProcess(const HelperProcess&) = delete;
  HelperProcess& operator=(const HelperProcess&) = delete;

  // Starts `program`, found through $PATH, with one argument and `input` on its stdin; once per object.
  // NotFound when there is no such program; InvalidArgument when `input` does not fit a pipe (4 KiB always
  // do).
  absl::Status Start(const std::string& program, const std::string& argument, const std::string& input);

  // Waits until the child has ended, and kills what is left of its group. After Start, once. DeadlineExceeded
  // at `deadline`, Cancelled when `stop_fd` is readable, ResourceExhausted when more than `max_output` bytes
  // were printed.
  absl::StatusOr<Outcome> Wait(TimePoint deadline, int stop_fd, size_t max_output);

 private:
  absl::Status Spawn(const std::string& program, const std::string& argument, int stdin_fd, int stdout_fd);
  absl::Status ReadOutput(size_t max_output);
  int KillAndReap();

  pid_t pid_ = 0;   // until it is reaped; also its process group
  UniqueFd ended_;  // a pidfd: readable when the child has ended
  UniqueFd output_pipe_;
  std::string output_;
};

}  // namespace lacuna
