// What a FUSE connection owes and is owed, in memory that outlives the process: the requests that were taken
// from the device and are not answered yet, and the files that the kernel has open.
//
// A request is read straight into a slot that was claimed before, so that there is no instant at which a
// process that dies could lose it. Whoever comes next answers it by its number on the same connection. To
// answer one twice is harmless: numbers are never used again, and the kernel refuses the second answer
// (fuse_dev_do_write in fs/fuse/dev.c).
//
// Callers: FuseChannel and FuseObjects in the worker; the keeper's guard when there is none. One process at a
// time claims (the one that holds the Lifeline); anybody may look. Nothing here allocates, waits or fails.
#pragma once

#include <linux/fuse.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace lacuna {

class FuseLog {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr uint32_t kSlots = 65536;  // as many background requests as the kernel can be told to send
  static constexpr uint32_t kOpenFiles = 16384;
  // A READ fits into a slot. What is longer is answered before the next request is taken: one spill is
  // enough.
  static constexpr size_t kSlotBytes = 104;
  static constexpr size_t kMaxMessage = 64 * 1024;

  struct Slot {
    std::atomic<int64_t> claimed_at;  // steady clock, nanoseconds; 0: free
    std::atomic<uint64_t> given_up;   // the number of the request that the guard has answered for us
    std::array<char, kSlotBytes>
        bytes;  // begins with fuse_in_header; its length is 0 until a request is here
    uint64_t unused;
  };
  static_assert(sizeof(Slot) == 128);
  // A file that the kernel has open.
  struct OpenFile {
    std::atomic<uint64_t> handle;  // the number of the OPEN; 0: free
    uint64_t node;
    std::array<char, 240> name;  // of the object (ObjectKey::FileName), NUL-terminated

    absl::string_view object() const { return {name.data(), strnlen(name.data(), name.size())}; }
  };
  static_assert(sizeof(OpenFile) == 256);
  // What is shared; all zero at first.
  struct Memory {
    std::atomic<uint64_t> last_node;   // node ids are never used twice
    std::atomic<uint32_t> used_slots;  // no slot from here on was ever claimed
    std::atomic<uint32_t> used_open_files;
    std::array<Slot, kSlots> slots;
    std::array<OpenFile, kOpenFiles> open_files;
    std::array<char, kMaxMessage - kSlotBytes> spill;
  };

  explicit FuseLog(Memory& memory) : memory_(memory) {}

  // Forgets all but the node ids: for a new connection.
  void Clear();

  // The next request goes into `slot`, which is free and below kSlots.
  void Claim(uint32_t slot, Time now);
  void Free(uint32_t slot);
  bool IsFree(uint32_t slot) const {
    return memory_.slots[slot].claimed_at.load(std::memory_order_acquire) == 0;
  }
  // Where to read it to: readv(2).
  std::array<iovec, 2> Pieces(uint32_t slot);

  // The request in a claimed slot; a length of 0 when none has come.
  fuse_in_header Header(uint32_t slot) const;
  Time ClaimedAt(uint32_t slot) const;
  // The first `size` bytes of it, at most kMaxMessage, which `out` has room for. How many they are.
  size_t Copy(uint32_t slot, size_t size, absl::Span<char> out) const;
  uint32_t used_slots() const { return std::min(memory_.used_slots.load(std::memory_order_acquire), kSlots); }

  // The guard has answered the request in `slot`, which is its owner's to free.
  void GiveUp(uint32_t slot, uint64_t unique) { memory_.slots[slot].given_up.store(unique); }
  bool IsGivenUp(uint32_t slot) const { return memory_.slots[slot].given_up.load() == Header(slot).unique; }

  uint64_t NextNode() { return memory_.last_node.fetch_add(1) + 1; }

  // False when there is no room, or the name is too long. Adding what is there, and removing what is not,
  // does nothing: a successor may do it once more.
  bool AddOpenFile(uint64_t handle, uint64_t node, const char* name);
  void RemoveOpenFile(uint64_t handle);
  uint32_t used_open_files() const {
    return std::min(memory_.used_open_files.load(std::memory_order_acquire), kOpenFiles);
  }
  // Its handle is 0 when there is none at `index`.
  const OpenFile& open_file(uint32_t index) const { return memory_.open_files[index]; }

 private:
  OpenFile* Find(uint64_t handle);

  Memory& memory_;
};

}  // namespace lacuna
