#include "cachefiles/cachefiles_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cachefiles/cachefiles_wire.h"

namespace lacuna {
namespace {

constexpr int kFolders = 256;

std::string FolderPath(const std::string& cache_dir, int number) {
  return absl::StrCat(cache_dir, "/cache/I", kCachefilesVolume, absl::StrFormat("/@%02x", number));
}

bool Older(const timespec& a, const timespec& b) {
  return std::tie(a.tv_sec, a.tv_nsec) < std::tie(b.tv_sec, b.tv_nsec);
}

std::optional<CacheFile> Look(const std::string& folder, const std::string& name) {
  struct stat info {};
  if (lstat(absl::StrCat(folder, "/", name).c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return std::nullopt;
  }
  // st_blocks counts 512 bytes. A mount with noatime leaves the time of the last write.
  return CacheFile{.folder = folder,
                   .name = name,
                   .bytes = static_cast<uint64_t>(info.st_blocks) * 512,
                   .last_used = std::max(info.st_atim, info.st_mtim, Older)};
}

}  // namespace

std::optional<CacheFile> FindCacheFile(const std::string& cache_dir, const ObjectKey& key) {
  const std::string name = absl::StrCat("D", key.FileName());
  for (int number = 0; number < kFolders; ++number) {
    if (auto file = Look(FolderPath(cache_dir, number), name)) return file;
  }
  return std::nullopt;
}

std::vector<CacheFile> CacheFilesByAge(const std::string& cache_dir) {
  std::vector<CacheFile> files;
  for (int number = 0; number < kFolders; ++number) {
    const std::string folder = FolderPath(cache_dir, number);
    std::error_code ignored;  // what is not there or goes meanwhile is not to be culled
    for (std::filesystem::directory_iterator entry(folder, ignored), end; entry != end;
         entry.increment(ignored)) {
      if (auto file = Look(folder, entry->path().filename())) files.push_back(*std::move(file));
    }
  }
  std::sort(files.begin(), files.end(),
            [](const CacheFile& a, const CacheFile& b) { return Older(a.last_used, b.last_used); });
  return files;
}

}  // namespace lacuna
