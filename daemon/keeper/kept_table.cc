#include "daemon/keeper/kept_table.h"

#include <fcntl.h>
#include <unistd.h>

namespace lacuna {

std::optional<size_t> KeptTable::Keep(const KeeperMessage& message, UniqueFd fd) {
  Drop(message.kind, message.id);
  KeptEntry* const entry = FindEntry(KeptKind::kNone, 0);
  if (entry == nullptr) return std::nullopt;
  entry->fd = fd.Release();
  entry->id = message.id;
  entry->size = message.size;
  entry->name = message.name;
  entry->kind.store(message.kind, std::memory_order_release);
  return entry - entries_.data();
}

std::optional<size_t> KeptTable::Drop(KeptKind kind, uint64_t id) {
  KeptEntry* const entry = FindEntry(kind, id);
  if (entry == nullptr) return std::nullopt;
  Close(*entry);
  return entry - entries_.data();
}

void KeptTable::DropAll() {
  for (KeptEntry& entry : entries_) {
    if (entry.kind == KeptKind::kCachefilesObject) Close(entry);
  }
  for (KeptEntry& entry : entries_) {
    if (entry.kind != KeptKind::kNone) Close(entry);
  }
}

void KeptTable::Close(KeptEntry& entry) {
  entry.kind.store(KeptKind::kNone, std::memory_order_release);
  entry.id = 0;
  close(entry.fd);
}

int KeptTable::Find(KeptKind kind, uint64_t id) const {
  const KeptEntry* const entry = FindEntry(kind, id);
  return entry == nullptr ? -1 : entry->fd;
}

void KeptTable::LetInherit(bool inherit) const {
  for (const KeptEntry& entry : entries_) {
    if (entry.kind != KeptKind::kNone) fcntl(entry.fd, F_SETFD, inherit ? 0 : FD_CLOEXEC);
  }
}

KeptEntry* KeptTable::FindEntry(KeptKind kind, uint64_t id) const {
  for (KeptEntry& entry : entries_) {
    if (entry.kind == kind && entry.id == id) return &entry;
  }
  return nullptr;
}

}  // namespace lacuna
