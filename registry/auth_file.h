// Where docker and podman keep credentials, and what is there now.
// Source: docker's CLI reference (DOCKER_CONFIG), containers-auth.json(5) (REGISTRY_AUTH_FILE).
//
// Callers: credential_store. Read is thread-safe; it waits for the disk.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/base/mutex.h"
#include "registry/docker_config.h"
#include "registry/file_stamp.h"

namespace lacuna {

class AuthFile {
 public:
  // `chosen`, else what the environment says now: $REGISTRY_AUTH_FILE, else config.json in $DOCKER_CONFIG,
  // else ~/.docker/config.json.
  explicit AuthFile(const std::string& chosen);

  const std::string& path() const { return path_; }

  // What the file says; it is parsed again only when it changed. Empty when there is none where docker has
  // its own. Errors name the file: NotFound when one that somebody named is missing, PermissionDenied,
  // InvalidArgument when it cannot be understood.
  absl::StatusOr<std::shared_ptr<const DockerConfig>> Read();

 private:
  std::string path_;
  bool must_exist_ = true;  // somebody named this very file

  Mutex mutex_;
  FileStamp stamp_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const DockerConfig> config_ ABSL_GUARDED_BY(mutex_);  // null until it was read
};

}  // namespace lacuna
