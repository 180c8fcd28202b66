// A mount that lives as long as a test does. Needs CAP_SYS_ADMIN: ask `status` and skip, saying so.
#pragma once

#include <sys/mount.h>

#include <cerrno>
#include <string>

#include "daemon/base/status.h"

namespace lacuna {

class ScopedMount {
 public:
  // As mount(2).
  ScopedMount(const std::string& source, std::string target, const char* type, unsigned long flags,
              const std::string& options)
      : target_(std::move(target)) {
    if (mount(source.c_str(), target_.c_str(), type, flags, options.c_str()) != 0)
      status_ = ErrnoStatus(errno, "mount on " + target_);
  }
  ~ScopedMount() {
    if (status_.ok()) umount2(target_.c_str(), MNT_DETACH);
  }
  ScopedMount(const ScopedMount&) = delete;
  ScopedMount& operator=(const ScopedMount&) = delete;

  const absl::Status& status() const { return status_; }

 private:
  const std::string target_;
  absl::Status status_;
};

}  // namespace lacuna
