#include "tests/registry/real_registry.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {
namespace {

constexpr char kProgram[] = "/usr/bin/docker-registry";

sockaddr_in Loopback(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// One that was free a moment ago.
int FreePort() {
  const UniqueFd socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return 0;
  getsockname(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

bool Listens(int port) {
  const UniqueFd socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = Loopback(port);
  return connect(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

// Runs in the child: only what is allowed after fork.
[[noreturn]] void Exec(const char* configuration, const char* log) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int out = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  execl(kProgram, kProgram, "serve", configuration, nullptr);
  _exit(127);
}

}  // namespace

std::string RealRegistry::WhyNotHere() {
  return access(kProgram, X_OK) == 0 ? "" : "needs docker-registry (Debian package docker-registry)";
}

RealRegistry::RealRegistry() {
  std::string folder = std::filesystem::temp_directory_path() / "lacuna-registry.XXXXXX";
  if (mkdtemp(folder.data()) != nullptr) folder_ = folder;
  // Another process may take the port first: then docker-registry ends, and the next one is tried.
  for (int attempt = 0; attempt < 5 && host_.empty(); ++attempt) Start(FreePort());
}

RealRegistry::~RealRegistry() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

void RealRegistry::Start(int port) {
  const std::string configuration = folder_ + "/config.yml";
  const std::string log = folder_ + "/log";
  std::ofstream(configuration) << "version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: '"
                               << folder_ << "/data'}}\nhttp: {addr: '127.0.0.1:" << port << "'}\n";
  pid_ = fork();
  if (pid_ == 0) Exec(configuration.c_str(), log.c_str());
  for (int i = 0; i < 1000 && waitpid(pid_, nullptr, WNOHANG) == 0; ++i) {
    if (Listens(port)) {
      host_ = absl::StrCat("127.0.0.1:", port);
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace lacuna
