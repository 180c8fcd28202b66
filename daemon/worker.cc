// lacunad-worker: reads the command line and the configuration, runs a Daemon and its sockets until a
// signal ends it. Started by lacunad, its keeper (daemon/keeper/), whose name it goes by.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "daemon/base/exit_code.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/config.h"
#include "daemon/control_service.h"
#include "daemon/daemon.h"
#include "daemon/grpc_content.h"
#include "daemon/grpc_listener.h"
#include "daemon/keeper_client.h"
#include "daemon/snapshot_service.h"
#include "daemon/unix_socket.h"

namespace lacuna {
namespace {

struct CommandLine {
  std::string config_path;
  std::string root;
  std::string run;
  std::string door;
  std::string log_level;
  bool check_config = false;
};

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "lacunad: %s\n", std::string(status.message()).c_str());
  return kExitFailed;
}

// The path as the kernel's mount table shows it, where leftovers are looked for. What cannot be reached stays
// as it is, and fails later with a better text.
std::string Canonical(const std::string& path) {
  std::error_code error;
  const std::filesystem::path canonical = std::filesystem::weakly_canonical(path, error);
  return error ? path : canonical.string();
}

// What the command line says wins over the file.
absl::StatusOr<Config> EffectiveConfig(const CommandLine& line) {
  absl::StatusOr<Config> config =
      line.config_path.empty() ? LoadDefaultConfig() : LoadConfig(line.config_path);
  if (!config.ok()) return config;
  if (!line.root.empty()) config->daemon.root = line.root;
  if (!line.run.empty()) config->daemon.run = line.run;
  if (!line.door.empty()) {
    RETURN_IF_ERROR(CheckDoorKind(line.door));
    config->door.kind = line.door;
  }
  if (!line.log_level.empty()) config->log.level = line.log_level;
  config->daemon.root = Canonical(config->daemon.root);
  config->daemon.run = Canonical(config->daemon.run);
  return config;
}

// Two descriptors for each object and one for each connection soon exceed the usual soft limit of 1024.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    LogWarning("the descriptor limit stays as it is: ", std::strerror(errno));
}

// Before any thread is made, so that all of them leave these signals to WaitForSignal.
sigset_t BlockEndingSignals() {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return ending;
}

void WaitForSignal(const sigset_t& ending) {
  int number = 0;
  sigwait(&ending, &number);
  LogInfo("ending on signal ", number);
}

// A predecessor's goes on: whoever called meanwhile waits in its backlog.
absl::StatusOr<UniqueFd> ListeningSocket(const std::string& path, KeptKind kind, Keeper& keeper) {
  UniqueFd listening = keeper.Take(kind);
  if (listening.valid()) return listening;
  ASSIGN_OR_RETURN(listening, ListenOnUnixSocket(path));
  RETURN_IF_ERROR(keeper.Keep(kind, listening.get()));
  return listening;
}

absl::StatusOr<std::unique_ptr<GrpcListener>> ListenForControl(const Config& config, Keeper& keeper,
                                                               Control& control) {
  const std::string path = ControlSocketPath(config.daemon.run);
  ASSIGN_OR_RETURN(UniqueFd listening, ListeningSocket(path, KeptKind::kControlSocket, keeper));
  return ServeControl(path, std::move(listening), control);
}

absl::StatusOr<std::unique_ptr<GrpcListener>> ListenForSnapshots(const Config& config, Keeper& keeper,
                                                                 LazyLayers& layers, EventLog& events) {
  const std::string path = SnapshotterSocketPath(config.daemon.run);
  ASSIGN_OR_RETURN(UniqueFd listening, ListeningSocket(path, KeptKind::kSnapshotterSocket, keeper));
  return ServeSnapshots(path, std::move(listening), [&] {
    return Snapshotter::Open({config.daemon.root, config.daemon.run, DetectOverlayFeatures()}, layers,
                             events);
  });
}

// Until a signal ends it.
absl::Status Serve(const Config& config, KeeperClient& keeper, Daemon& daemon, const sigset_t& ending) {
  ASSIGN_OR_RETURN(const std::unique_ptr<GrpcListener> control, ListenForControl(config, keeper, daemon));
  const std::unique_ptr<ContainerdContent> content = MakeGrpcContent(config.snapshotter.containerd);
  const std::unique_ptr<LazyLayers> layers = daemon.MakeLayers(*content);
  ASSIGN_OR_RETURN(const std::unique_ptr<GrpcListener> snapshots,
                   ListenForSnapshots(config, keeper, *layers, daemon.events()));
  RETURN_IF_ERROR(keeper.Ready());
  LogInfo("lacunad ", LACUNA_VERSION, " serves ", ControlSocketPath(config.daemon.run), ", cache in ",
          config.daemon.root);
  WaitForSignal(ending);
  daemon.Cancel();  // first: the listeners wait for calls that may wait for a registry
  control->Stop();
  snapshots->Stop();
  daemon.Stop();
  return absl::OkStatus();
}

absl::Status Run(const Config& config) {
  if (geteuid() != 0)
    return absl::PermissionDeniedError("mounting needs root; run lacunad as root, or as its service");
  const sigset_t ending = BlockEndingSignals();
  RaiseDescriptorLimit();
  RETURN_IF_ERROR(SetLogLevel(config.log.level));
  ASSIGN_OR_RETURN(const std::unique_ptr<KeeperClient> keeper, KeeperClient::Connect());
  keeper->SetReadDeadline(config.fetch.read_deadline);
  ASSIGN_OR_RETURN(std::unique_ptr<Daemon> daemon, Daemon::Start(config, *keeper));
  absl::Status status = Serve(config, *keeper, *daemon, ending);
  if (!status.ok()) static_cast<void>(daemon.release());  // as in Daemon::Start
  return status;
}

int Main(int argc, char** argv) {
  prctl(PR_SET_NAME, "lacunad-worker");  // it was executed by a descriptor, whose number would be its name
  CommandLine line;
  CLI::App app("lacunad: serves container images that are not downloaded yet");
  app.add_option("--config", line.config_path,
                 "configuration file (default /etc/lacuna/lacunad.toml, if it is there)");
  app.add_option("--root", line.root, "cache folder (default /var/lib/lacuna)");
  app.add_option("--run", line.run, "folder for sockets and mounts (default /run/lacuna)");
  app.add_option("--door", line.door, "way into the kernel")
      ->check(CLI::IsMember({"auto", "cachefiles", "fuse"}));
  app.add_option("--log-level", line.log_level, "debug, info, warning or error");
  app.add_flag("--check-config", line.check_config, "say whether the configuration is right, and end");
  app.set_version_flag("--version", absl::StrCat("lacunad ", LACUNA_VERSION));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  const absl::StatusOr<Config> config = EffectiveConfig(line);
  if (!config.ok()) return Fail(config.status());
  if (line.check_config) return std::puts("configuration ok") < 0;
  const absl::Status status = Run(*config);
  if (status.ok()) return kExitDone;
  _exit(Fail(status));  // threads may still be at work
}

}  // namespace
}  // namespace lacuna

int main(int argc, char** argv) {
  return lacuna::Main(argc, argv);
}
