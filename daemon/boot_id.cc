#include "daemon/boot_id.h"

#include "absl/strings/ascii.h"
#include "daemon/base/read_file.h"
#include "daemon/base/status.h"

namespace lacuna {

absl::StatusOr<std::string> ReadBootId() {
  ASSIGN_OR_RETURN(const std::string text, ReadSmallFile("/proc/sys/kernel/random/boot_id"));
  return std::string(absl::StripAsciiWhitespace(text));
}

}  // namespace lacuna
