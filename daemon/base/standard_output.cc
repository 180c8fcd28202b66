#include "daemon/base/standard_output.h"

#include <cerrno>
#include <cstdio>

#include "daemon/base/status.h"

namespace lacuna {

absl::Status Print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) {
    return absl::OkStatus();
  }
  return ErrnoStatus(errno, "writing the output");
}

}  // namespace lacuna
