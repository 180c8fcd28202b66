// The keeper's hand on the table of what is kept: descriptors, and what they are.
//
// Callers: the supervisor changes it, the guard uses the descriptors; both hold `mutex`. Does not allocate.
#pragma once

#include <mutex>

#include "daemon/keeper/memory.h"
#include "daemon/keeper/message.h"

namespace lacuna {

class KeptTable {
 public:
  explicit KeptTable(KeeperMemory& memory) : entries_(memory.kept) {}

  std::mutex mutex;

  // Puts what the message says and the descriptor into the table, in place of what is there of that kind and
  // id. False when there is no room.
  bool Keep(const KeeperMessage& message, UniqueFd fd);
  void Drop(KeptKind kind, uint64_t id);
  // Objects before their device: a kernel of before the fixes of 2024 leaves readers in D state otherwise.
  void DropAll();
  // The same, while the table goes on to say what they were, for who has duplicates. For the end of a
  // process.
  void CloseAll();
  // -1 when there is none.
  int Find(KeptKind kind, uint64_t id = 0) const;
  // Whether what is executed gets them. Not as a rule.
  void LetInherit(bool inherit) const;

  // Whether a place has another descriptor than when this was last set to false.
  bool changed(size_t place) const { return changed_[place]; }
  void set_changed(size_t place, bool changed) { changed_[place] = changed; }
  // -1 when it is free.
  int FdAt(size_t place) const { return entries_[place].kind == KeptKind::kNone ? -1 : entries_[place].fd; }

 private:
  KeptEntry* FindEntry(KeptKind kind, uint64_t id) const;
  template <typename Function>
  void ForAllInOrder(Function function);
  void Free(KeptEntry& entry);

  std::array<KeptEntry, KeeperMemory::kEntries>& entries_;
  std::array<bool, KeeperMemory::kEntries> changed_ = {};
};

}  // namespace lacuna
