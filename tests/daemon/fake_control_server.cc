// A server of the control API without a daemon behind it, for cli_test.py.
//
// fake_control_server RUN_DIR [busy]: prints "ready" when it listens, and ends when its standard input does,
// or by SIGTERM. Prints "prefetch given up" when a prefetch has noticed that its client went away, and one
// line for each mount and unmount.
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "daemon/control_service.h"
#include "daemon/grpc_listener.h"
#include "daemon/unix_socket.h"
#include "tests/fakes/fake_control.h"

namespace lacuna {
namespace {

void Say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

// Tells what was called.
class SpokenControl : public FakeControl {
 public:
  absl::StatusOr<MountInfo> Mount(const MountOptions& options) override {
    Say(absl::StrCat("mount ", options.reference, " ", options.directory, " platform=", options.platform,
                     " plain_http=", options.plain_http, " credentials=", options.credentials));
    return FakeControl::Mount(options);
  }
  absl::Status Unmount(absl::string_view directory, bool lazy) override {
    Say(absl::StrCat("umount ", directory, " lazy=", lazy));
    return FakeControl::Unmount(directory, lazy);
  }
  absl::Status Prefetch(absl::string_view reference, bool wait,
                        const std::function<bool(const PrefetchProgress&)>& on_progress) override {
    Say(absl::StrCat("prefetch ", reference, " wait=", wait));
    const absl::Status status = FakeControl::Prefetch(reference, wait, on_progress);
    if (absl::IsCancelled(status)) Say("prefetch given up");
    return status;
  }
};

int Main(int argc, char** argv) {
  if (argc < 2) return 2;
  SpokenControl control;
  control.set_busy(argc > 2 && std::strcmp(argv[2], "busy") == 0);
  const std::string path = ControlSocketPath(argv[1]);
  absl::StatusOr<UniqueFd> listening = ListenOnUnixSocket(path);
  if (!listening.ok()) return 1;
  const auto listener = ServeControl(path, *std::move(listening), control);
  if (!listener.ok()) {
    std::fprintf(stderr, "%s\n", listener.status().ToString().c_str());
    return 1;
  }
  Say("ready");
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  control.Release();
  return 0;
}

}  // namespace
}  // namespace lacuna

int main(int argc, char** argv) {
  return lacuna::Main(argc, argv);
}
