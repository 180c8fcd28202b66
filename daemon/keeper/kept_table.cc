#include "daemon/keeper/kept_table.h"

#include <fcntl.h>
#include <unistd.h>

namespace lacuna {

bool KeptTable::Keep(const KeeperMessage& message, UniqueFd fd) {
  KeptEntry* entry = FindEntry(message.kind, message.id);
  if (entry != nullptr) Free(*entry);
  if (entry == nullptr) entry = FindEntry(KeptKind::kNone, 0);
  if (entry == nullptr) return false;
  entry->fd = fd.Release();
  entry->id = message.id;
  entry->size = message.size;
  entry->name = message.name;
  entry->kind.store(message.kind, std::memory_order_release);
  changed_[entry - entries_.data()] = true;
  return true;
}

void KeptTable::Drop(KeptKind kind, uint64_t id) {
  KeptEntry* const entry = FindEntry(kind, id);
  if (entry != nullptr) Free(*entry);
}

void KeptTable::DropAll() {
  ForAllInOrder([this](KeptEntry& entry) { Free(entry); });
}

void KeptTable::CloseAll() {
  ForAllInOrder([](KeptEntry& entry) { close(entry.fd); });
}

template <typename Function>
void KeptTable::ForAllInOrder(Function function) {
  for (const bool objects : {true, false}) {
    for (KeptEntry& entry : entries_) {
      const bool is_object = entry.kind == KeptKind::kCachefilesObject;
      if (entry.kind != KeptKind::kNone && is_object == objects) function(entry);
    }
  }
}

void KeptTable::Free(KeptEntry& entry) {
  entry.kind.store(KeptKind::kNone, std::memory_order_release);
  entry.id = 0;
  close(entry.fd);
  changed_[&entry - entries_.data()] = true;
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
