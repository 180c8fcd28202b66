#include "daemon/mount_holders.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lacuna {
namespace {

namespace fs = std::filesystem;
constexpr size_t kMostNamed = 5;

bool IsOn(const fs::path& link, dev_t device) {
  struct stat st;
  return stat(link.c_str(), &st) == 0 && st.st_dev == device;
}

bool Holds(const fs::path& process, dev_t device) {
  for (const char* link : {"cwd", "root", "exe"}) {
    if (IsOn(process / link, device)) return true;
  }
  std::error_code error;
  for (fs::directory_iterator it(process / "fd", error), end; !error && it != end; it.increment(error)) {
    if (IsOn(it->path(), device)) return true;
  }
  return false;
}

std::string NameOf(const fs::path& process) {
  std::ifstream file(process / "comm");
  std::string name;
  std::getline(file, name);
  return absl::StrCat(name, " (", process.filename().string(), ")");
}

}  // namespace

std::string DescribeMountHolders(const std::string& directory) {
  struct stat mounted;
  if (stat(directory.c_str(), &mounted) != 0) return "";
  std::vector<std::string> holders;
  size_t more = 0;
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (!absl::ascii_isdigit(name[0]) || !Holds(it->path(), mounted.st_dev)) continue;
    if (holders.size() < kMostNamed) {
      holders.push_back(NameOf(it->path()));
    } else {
      ++more;
    }
  }
  return absl::StrCat(absl::StrJoin(holders, ", "), more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

}  // namespace lacuna
