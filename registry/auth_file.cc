#include "registry/auth_file.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/secret_file.h"

namespace lacuna {
namespace {

// Empty when the variable is not set.
std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string Home() {
  std::string home = Environment("HOME");
  if (!home.empty()) return home;
  // A service may run without HOME.
  const passwd* const user = getpwuid(getuid());
  return user == nullptr || user->pw_dir == nullptr ? "" : user->pw_dir;
}

std::string DockersOwnFile() {
  const std::string folder = Environment("DOCKER_CONFIG");
  return absl::StrCat(folder.empty() ? absl::StrCat(Home(), "/.docker") : folder, "/config.json");
}

}  // namespace

AuthFile::AuthFile(const std::string& chosen)
    : path_(chosen.empty() ? Environment("REGISTRY_AUTH_FILE") : chosen) {
  if (!path_.empty()) return;
  path_ = DockersOwnFile();
  must_exist_ = false;
}

absl::StatusOr<std::shared_ptr<const DockerConfig>> AuthFile::Read() {
  MutexLock lock(mutex_);
  if (config_ != nullptr && !Changed(stamp_)) return config_;
  config_ = nullptr;
  stamp_ = StampOf(path_);
  const absl::StatusOr<std::string> text = ReadSecretFile(path_, kMaxDockerConfigBytes);
  if (absl::IsNotFound(text.status()) && !must_exist_) return std::make_shared<const DockerConfig>();
  RETURN_IF_ERROR(text.status());
  absl::StatusOr<DockerConfig> parsed = ParseDockerConfig(*text);
  RETURN_IF_ERROR(Annotate(parsed.status(), path_));
  config_ = std::make_shared<const DockerConfig>(*std::move(parsed));
  return config_;
}

}  // namespace lacuna
