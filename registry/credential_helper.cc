#include "registry/credential_helper.h"

#include <sys/wait.h>

#include "absl/strings/str_cat.h"
#include "daemon/base/duration.h"
#include "daemon/base/status.h"
#include "registry/helper_process.h"
#include "registry/helper_protocol.h"

namespace lacuna {
namespace {

constexpr size_t kMaxOutput = 64 * 1024;

absl::StatusOr<Credentials> ReadOutcome(const std::string& program, const HelperProcess::Outcome& outcome) {
  if (WIFSIGNALED(outcome.wait_status)) {
    return absl::UnknownError(absl::StrCat(program, " ended by signal ", WTERMSIG(outcome.wait_status)));
  }
  const int exit_status = WEXITSTATUS(outcome.wait_status);
  if (exit_status != 0 && SaysNotFound(outcome.output)) return Credentials();
  if (exit_status != 0) {
    return absl::UnknownError(absl::StrCat(program, " failed with exit status ", exit_status));
  }
  absl::StatusOr<Credentials> answer = ParseHelperAnswer(outcome.output);
  RETURN_IF_ERROR(Annotate(answer.status(), program));
  return answer;
}

}  // namespace

absl::StatusOr<Credentials> AskCredentialHelper(absl::string_view name, absl::string_view host,
                                                Duration time_limit, int stop_fd) {
  if (!IsHelperName(name)) {
    return absl::InvalidArgumentError("the name of a credential helper has letters, digits and '._-' only");
  }
  const std::string program = absl::StrCat("docker-credential-", name);
  const TimePoint deadline = std::chrono::steady_clock::now() + time_limit;
  HelperProcess process;
  const absl::Status started = process.Start(program, "get", HelperServerUrl(host));
  if (absl::IsNotFound(started)) {
    return absl::NotFoundError(
        absl::StrCat(program, " is not installed; put it into $PATH, or take it out of the configuration"));
  }
  RETURN_IF_ERROR(Annotate(started, program));
  const absl::StatusOr<HelperProcess::Outcome> outcome = process.Wait(deadline, stop_fd, kMaxOutput);
  if (absl::IsDeadlineExceeded(outcome.status())) {
    return absl::DeadlineExceededError(
        absl::StrCat(program, " did not answer within ", FormatDuration(time_limit)));
  }
  if (absl::IsResourceExhausted(outcome.status())) {
    return absl::InvalidArgumentError(
        absl::StrCat(program, ": its answer is larger than ", kMaxOutput / 1024, " KiB"));
  }
  RETURN_IF_ERROR(Annotate(outcome.status(), program));
  return ReadOutcome(program, *outcome);
}

}  // namespace lacuna
