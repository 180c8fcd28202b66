#include "registry/file_stamp.h"

#include <sys/stat.h>

namespace lacuna {
namespace {

int64_t Nanoseconds(const timespec& time) {
  return time.tv_sec * INT64_C(1'000'000'000) + time.tv_nsec;
}

}  // namespace

FileStamp StampOf(const std::string& path) {
  struct stat found = {};
  if (stat(path.c_str(), &found) != 0) return {.path = path};
  return {.path = path,
          .exists = true,
          .device = found.st_dev,
          .inode = found.st_ino,
          .size = found.st_size,
          .modified = Nanoseconds(found.st_mtim),
          .changed = Nanoseconds(found.st_ctim)};
}

bool Changed(const FileStamp& stamp) {
  return StampOf(stamp.path) != stamp;
}

}  // namespace lacuna
