// The kernel's files in the cache folder, seen from outside: <dir>/cache/I<volume>/@<hash>/D<cookie>.
//
// A cookie key of printable characters is the file's name after its 'D' (fs/cachefiles/key.c; ours all are;
// others would be encoded). Which of the 256 folders has it is a hash that is no interface of the kernel's
// and depends on the byte order: we look into each instead. What is open and was not there before has no name
// yet, the kernel gives it one when it lets go of it. Callers: the culler, and CachefilesDoor::KeptBytes.
// Thread-safe: functions. They block on the disk.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "cachefiles/object_key.h"

namespace lacuna {

struct CacheFile {
  std::string folder;
  std::string name;
  uint64_t bytes = 0;    // of disk
  timespec last_used{};  // the kernel touches a file's access time when it opens it
};

// The longest cookie key, in bytes: the kernel's BUG_ON in cachefiles_cook_key.
inline constexpr size_t kMaxCookieKey = 252;

// The file of our volume that has `key`'s object. nullopt when there is none.
std::optional<CacheFile> FindCacheFile(const std::string& cache_dir, const ObjectKey& key);

// All files of our volume, the one that was used the longest ago first.
std::vector<CacheFile> CacheFilesByAge(const std::string& cache_dir);

}  // namespace lacuna
