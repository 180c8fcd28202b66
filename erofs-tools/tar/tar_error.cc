#include "erofs-tools/tar/tar_error.h"

#include "absl/strings/str_cat.h"
#include "daemon/base/escape.h"

namespace lacuna {

absl::Status TarEntryError(absl::string_view path, absl::string_view what) {
  constexpr size_t kShown = 200;
  const absl::string_view more = path.size() > kShown ? "..." : "";
  return absl::InvalidArgumentError(
      absl::StrCat("entry \"", EscapeForTerminal(path.substr(0, kShown)), more, "\": ", what));
}

}  // namespace lacuna
