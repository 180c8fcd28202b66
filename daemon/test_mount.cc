#include "daemon/test_mount.h"

#include <fstream>
#include <iterator>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "cachefiles/erofs_mount.h"
#include "daemon/base/status.h"
#include "erofs-tools/tiny_image.h"

namespace lacuna {
namespace {

constexpr char kFile[] = "self-test";
constexpr char kContent[] = "every byte is here";

}  // namespace

std::string TestImage() {
  return TinyErofsImage(kFile, kContent);
}

absl::Status TryTestMount(const MountSpec& spec, const std::string& mount_point) {
  RETURN_IF_ERROR(MountErofs(spec, mount_point));
  const absl::Cleanup unmount = [&] { Unmount(mount_point, /*lazy=*/true).IgnoreError(); };
  std::ifstream file(absl::StrCat(mount_point, "/", kFile));
  const std::string content((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (content == kContent) return absl::OkStatus();
  return IntegrityError("the file read back differs from the one published");
}

}  // namespace lacuna
