// lacunactl: one verb, one call of the control API, one exit code.
#include <cstdio>
#include <memory>
#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "daemon/base/escape.h"
#include "daemon/base/exit_code.h"
#include "daemon/base/hide_arguments.h"
#include "daemon/cli/arguments.h"
#include "daemon/cli/control_client.h"
#include "daemon/cli/interrupt.h"
#include "daemon/cli/verbs.h"
#include "daemon/control_errors.h"

namespace lacuna {
namespace {

// The message may quote a registry, so it reaches the terminal without its control characters.
int Fail(const Arguments& arguments, const absl::Status& status, int exit_code) {
  const std::string cause = EscapeForTerminal(status.message());
  std::fprintf(stderr, "lacunactl: %s: %s\n", Describe(arguments).c_str(), cause.c_str());
  return exit_code;
}

int ExitCodeOfCall(const absl::Status& status) {
  if (IsDaemonUnreachable(status)) return kExitUnreachable;
  // Cancelled by the daemon, which ends; when it was the user, `interrupted` says so.
  if (absl::IsCancelled(status)) return kExitFailed;
  return ExitCodeOf(status);
}

int Call(const Arguments& arguments) {
  const sigset_t held = HoldInterrupts();
  const auto client = ControlClient::Connect(arguments.run_dir, arguments.timeout);
  if (!client.ok()) return Fail(arguments, client.status(), ExitCodeOfCall(client.status()));
  const InterruptWatcher watcher(held, [&] { (*client)->Cancel(); });
  const absl::Status status = RunVerb(arguments, **client);
  if (status.ok()) return kExitDone;
  if (watcher.interrupted()) {
    const char* const goes_on = arguments.verb == Verb::kUpgrade ? "; what has begun goes on" : "";
    return Fail(arguments, absl::CancelledError(absl::StrCat("interrupted", goes_on)), kExitInterrupted);
  }
  return Fail(arguments, status, ExitCodeOfCall(status));
}

// What it mounts for a try is unmounted again before an interrupt ends it.
int Doctor(const Arguments& arguments) {
  const InterruptWatcher watcher(HoldInterrupts(), [] {});
  const absl::StatusOr<HostCheck::Result> worst = RunDoctor(arguments);
  if (watcher.interrupted()) return Fail(arguments, absl::CancelledError("interrupted"), kExitInterrupted);
  if (!worst.ok()) return Fail(arguments, worst.status(), ExitCodeOf(worst.status()));
  return static_cast<int>(*worst);  // 0 usable, 1 degraded, 2 unusable
}

int Main(int argc, char** argv) {
  const std::variant<Arguments, int> parsed = ParseArguments(argc, argv);
  HideArguments(argc, argv, {"--creds"});
  if (const int* exit_code = std::get_if<int>(&parsed)) return *exit_code;
  const auto& arguments = std::get<Arguments>(parsed);
  return arguments.verb == Verb::kDoctor ? Doctor(arguments) : Call(arguments);
}

}  // namespace
}  // namespace lacuna

int main(int argc, char** argv) {
  return lacuna::Main(argc, argv);
}
