#include "daemon/cli/directory.h"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {

namespace fs = std::filesystem;

absl::StatusOr<std::string> DirectoryToMountAt(const std::string& given) {
  std::error_code error;
  const fs::path resolved = fs::canonical(given, error);
  if (error == std::errc::no_such_file_or_directory) {
    return absl::NotFoundError(absl::StrCat("no directory ", given, "; make it first (mkdir -p)"));
  }
  if (!error && !fs::is_directory(resolved, error) && !error) error.assign(ENOTDIR, std::generic_category());
  if (error == std::errc::not_a_directory) {
    return absl::InvalidArgumentError(absl::StrCat(given, " is not a directory; name one"));
  }
  if (error) return ErrnoStatus(error.value(), given);
  return resolved.string();
}

absl::StatusOr<std::string> DirectoryToUnmount(const std::string& given) {
  std::error_code error;
  const fs::path resolved = fs::canonical(given, error);
  if (!error) return resolved.string();
  fs::path absolute = fs::absolute(given).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();  // "a/" names a
  const fs::path parent = fs::canonical(absolute.parent_path(), error);
  if (error) return ErrnoStatus(error.value(), given);
  return (parent / absolute.filename()).string();
}

}  // namespace lacuna
