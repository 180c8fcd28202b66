#include "registry/redirect_cache.h"

#include <iterator>

namespace lacuna {
namespace {

constexpr size_t kMaxEntries = 4096;  // blobs; some KiB each

}  // namespace

std::optional<RedirectTarget> RedirectCache::Find(const std::string& path) const {
  MutexLock lock(mutex_);
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return std::nullopt;
  return found->second->second;
}

void RedirectCache::Remember(const std::string& path, RedirectTarget target) {
  MutexLock lock(mutex_);
  if (const auto found = by_path_.find(path); found != by_path_.end()) {
    found->second->second = std::move(target);
    return;
  }
  entries_.emplace_back(path, std::move(target));
  by_path_[path] = std::prev(entries_.end());
  if (entries_.size() <= kMaxEntries) return;
  by_path_.erase(entries_.front().first);
  entries_.pop_front();
}

void RedirectCache::Forget(const std::string& path, absl::string_view url) {
  MutexLock lock(mutex_);
  const auto found = by_path_.find(path);
  if (found == by_path_.end() || found->second->second.url != url) return;
  entries_.erase(found->second);
  by_path_.erase(found);
}

}  // namespace lacuna
