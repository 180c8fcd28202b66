// The keeper's hand on the table of what is kept: descriptors, and what they are.
//
// Callers: the supervisor changes it, the guard uses the descriptors; both hold `mutex`. Does not allocate.
#pragma once

#include <mutex>
#include <optional>

#include "daemon/keeper/memory.h"
#include "daemon/keeper/message.h"

namespace lacuna {

class KeptTable {
 public:
  explicit KeptTable(KeeperMemory& memory) : entries_(memory.kept) {}

  std::mutex mutex;

  // Puts what the message says and the descriptor into the table, in place of what is there of that kind and
  // id. Where that is; nullopt when there is no room.
  std::optional<size_t> Keep(const KeeperMessage& message, UniqueFd fd);
  // Where it was.
  std::optional<size_t> Drop(KeptKind kind, uint64_t id);
  // Objects before their device: a kernel of before the fixes of 2024 leaves readers in D state otherwise.
  void DropAll();
  // -1 when there is none.
  int Find(KeptKind kind, uint64_t id = 0) const;
  // Whether what is executed gets them. Not as a rule.
  void LetInherit(bool inherit) const;

 private:
  KeptEntry* FindEntry(KeptKind kind, uint64_t id) const;
  static void Close(KeptEntry& entry);

  std::array<KeptEntry, KeeperMemory::kEntries>& entries_;
};

}  // namespace lacuna
