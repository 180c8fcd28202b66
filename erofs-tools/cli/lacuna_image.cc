// lacuna-image: one verb, one exit code. It keeps no state, so an interrupt ends it at once.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <variant>

#include "absl/strings/match.h"
#include "daemon/base/exit_code.h"
#include "daemon/base/hide_arguments.h"
#include "daemon/base/log.h"
#include "daemon/base/real_clock.h"
#include "erofs-tools/cli/arguments.h"
#include "erofs-tools/cli/check_files.h"
#include "erofs-tools/cli/check_image.h"
#include "erofs-tools/cli/copy.h"
#include "erofs-tools/cli/extract.h"
#include "erofs-tools/cli/image_place.h"
#include "erofs-tools/cli/index.h"
#include "erofs-tools/cli/inspect.h"
#include "erofs-tools/cli/push.h"
#include "registry/curl_transport.h"
#include "registry/registries.h"

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

const char* NameOf(ImageVerb verb) {
  switch (verb) {
    case ImageVerb::kPush:
      return "push";
    case ImageVerb::kCopy:
      return "copy";
    case ImageVerb::kIndex:
      return "index";
    case ImageVerb::kCheck:
      return "check";
    case ImageVerb::kExtract:
      return "extract";
    case ImageVerb::kInspect:
      break;
  }
  return "inspect";
}

const char* AccessAdvice(const ImageArguments& arguments) {
  if (!arguments.source_credentials.empty() || !arguments.dest_credentials.empty()) {
    return "; check the credentials and what they allow";
  }
  switch (arguments.verb) {
    case ImageVerb::kPush:
      return "; pass --dest-creds USER:PASSWORD, or --authfile FILE if not ~/.docker/config.json has them";
    case ImageVerb::kCopy:
    case ImageVerb::kIndex:
      return "; pass --src-creds or --dest-creds USER:PASSWORD, or --authfile FILE if not "
             "~/.docker/config.json has them";
    case ImageVerb::kCheck:
    case ImageVerb::kExtract:
    case ImageVerb::kInspect:
      break;
  }
  return "; pass --src-creds USER:PASSWORD, or --authfile FILE if not ~/.docker/config.json has them";
}

// What to try, where the cause does not say it already.
const char* Advice(const absl::Status& status, const ImageArguments& arguments) {
  if (absl::StrContains(status.message(), "; ")) return "";
  switch (status.code()) {
    case absl::StatusCode::kUnauthenticated:
      return AccessAdvice(arguments);
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
  std::fprintf(stderr, "lacuna-image: %s %s: %s%s\n", NameOf(arguments.verb), arguments.object.c_str(),
               std::string(status.message()).c_str(), Advice(status, arguments));
  return ExitCodeOf(status);
}

absl::Status Dispatch(const ImageArguments& arguments, Registries& registries) {
  switch (arguments.verb) {
    case ImageVerb::kPush:
      return Push(arguments, registries);
    case ImageVerb::kCopy:
      return Copy(arguments, registries);
    case ImageVerb::kIndex:
      return Index(arguments, registries);
    case ImageVerb::kCheck:
      // With devices it can only be a bootstrap.
      if (arguments.files.size() == 1 && !IsFile(arguments.object)) return CheckImage(arguments, registries);
      return CheckFiles(arguments);
    case ImageVerb::kExtract:
      return Extract(arguments, registries);
    case ImageVerb::kInspect:
      break;
  }
  return Inspect(arguments, registries);
}

absl::Status Run(const ImageArguments& arguments) {
  CurlTransport transport;
  RealClock clock;
  Registries registries(transport, clock,
                        {.certs_dirs = SplitCertsDirs(arguments.certs_dirs),
                         .credentials = {.auth_file = arguments.auth_file}});
  absl::Status status = Dispatch(arguments, registries);
  // Nobody is told anything any more before what they use goes.
  registries.Stop();
  transport.Stop();
  clock.Stop();
  return status;
}

int Main(int argc, char** argv) {
  const std::variant<ImageArguments, int> parsed = ParseImageArguments(argc, argv);
  HideArguments(argc, argv, {"--src-creds", "--dest-creds"});
  if (const int* exit_code = std::get_if<int>(&parsed)) return *exit_code;
  const auto& arguments = std::get<ImageArguments>(parsed);
  ExitOnInterrupt();
  SetLogLevel("error").IgnoreError();  // a host that fails is told of by the error that ends it
  const absl::Status status = Run(arguments);
  return status.ok() ? kExitDone : Fail(status, arguments);
}

}  // namespace
}  // namespace lacuna

int main(int argc, char** argv) {
  return lacuna::Main(argc, argv);
}
