// lacuna-image: one verb, one exit code. It keeps no state, so an interrupt ends it at once.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <variant>

#include "absl/strings/match.h"
#include "daemon/base/exit_code.h"
#include "erofs-tools/cli/arguments.h"
#include "erofs-tools/cli/inspect.h"
#include "erofs-tools/cli/push.h"
#include "registry/curl_transport.h"

namespace lacuna {
namespace {

extern "C" void OnInterrupt(int) {
  static constexpr char kMessage[] = "\nlacuna-image: interrupted\n";
  if (write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1) < 0) _exit(kExitFailed);
  _exit(kExitInterrupted);
}

// A signal that the parent told us to ignore (nohup, a background job) stays ignored.
void ExitOnInterrupt() {
  struct sigaction before = {};
  sigaction(SIGINT, nullptr, &before);
  if (before.sa_handler != SIG_IGN) signal(SIGINT, OnInterrupt);
  // Printing into a closed pipe is an error like any other.
  signal(SIGPIPE, SIG_IGN);
}

// What to try, where the cause does not say it already.
const char* Advice(const absl::Status& status, const ImageArguments& arguments) {
  if (absl::StrContains(status.message(), "; ")) return "";
  const bool push = arguments.verb == ImageVerb::kPush;
  switch (status.code()) {
    case absl::StatusCode::kUnauthenticated:
      if (!arguments.credentials.empty()) return "; check the credentials and what they allow";
      return push ? "; pass --dest-creds USER:PASSWORD" : "; pass --src-creds USER:PASSWORD";
    case absl::StatusCode::kUnavailable:
      return "; check host and port, and that the registry runs; for one without TLS pass --tls-verify=false";
    case absl::StatusCode::kNotFound:
      return "; check the name";
    case absl::StatusCode::kDeadlineExceeded:
      return "; try again";
    default:
      return "";
  }
}

int Fail(const absl::Status& status, const ImageArguments& arguments) {
  const bool push = arguments.verb == ImageVerb::kPush;
  std::fprintf(stderr, "lacuna-image: %s %s: %s%s\n", push ? "push" : "inspect", arguments.object.c_str(),
               std::string(status.message()).c_str(), Advice(status, arguments));
  return ExitCodeOf(status);
}

int Main(int argc, char** argv) {
  const std::variant<ImageArguments, int> parsed = ParseImageArguments(argc, argv);
  if (const int* exit_code = std::get_if<int>(&parsed)) return *exit_code;
  const auto& arguments = std::get<ImageArguments>(parsed);
  ExitOnInterrupt();
  CurlTransport transport;
  const absl::Status status =
      arguments.verb == ImageVerb::kPush ? Push(arguments, transport) : Inspect(arguments, transport);
  return status.ok() ? kExitDone : Fail(status, arguments);
}

}  // namespace
}  // namespace lacuna

int main(int argc, char** argv) {
  return lacuna::Main(argc, argv);
}
