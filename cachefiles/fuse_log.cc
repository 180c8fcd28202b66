#include "cachefiles/fuse_log.h"

#include <algorithm>
#include <cstring>

namespace lacuna {

void FuseLog::Clear() {
  for (uint32_t slot = 0; slot < used_slots(); ++slot) Free(slot);
  for (uint32_t i = 0; i < used_open_files(); ++i) memory_.open_files[i].handle.store(0);
}

void FuseLog::Claim(uint32_t slot, Time now) {
  Slot& claimed = memory_.slots[slot];
  std::memset(claimed.bytes.data(), 0, sizeof(fuse_in_header));
  // This also has the page at hand: a request that is copied to a page that is not, for a process that is
  // being killed, fails with EIO.
  memory_.spill.front() = 0;
  claimed.given_up.store(0, std::memory_order_relaxed);
  claimed.claimed_at.store(now.time_since_epoch().count(), std::memory_order_release);
  if (slot >= used_slots()) memory_.used_slots.store(slot + 1, std::memory_order_release);
}

void FuseLog::Free(uint32_t slot) {
  memory_.slots[slot].claimed_at.store(0, std::memory_order_release);
}

std::array<iovec, 2> FuseLog::Pieces(uint32_t slot) {
  return {{{memory_.slots[slot].bytes.data(), kSlotBytes}, {memory_.spill.data(), memory_.spill.size()}}};
}

fuse_in_header FuseLog::Header(uint32_t slot) const {
  fuse_in_header header;
  std::memcpy(&header, memory_.slots[slot].bytes.data(), sizeof(header));
  return header;
}

FuseLog::Time FuseLog::ClaimedAt(uint32_t slot) const {
  return Time(Time::duration(memory_.slots[slot].claimed_at.load(std::memory_order_acquire)));
}

size_t FuseLog::Copy(uint32_t slot, size_t size, absl::Span<char> out) const {
  size = std::min({size, out.size(), kMaxMessage});
  const size_t head = std::min(size, kSlotBytes);
  std::memcpy(out.data(), memory_.slots[slot].bytes.data(), head);
  std::memcpy(out.data() + head, memory_.spill.data(), size - head);
  return size;
}

FuseLog::OpenFile* FuseLog::Find(uint64_t handle) {
  for (uint32_t i = 0; i < used_open_files(); ++i) {
    if (memory_.open_files[i].handle.load(std::memory_order_acquire) == handle) return &memory_.open_files[i];
  }
  return nullptr;
}

bool FuseLog::AddOpenFile(uint64_t handle, uint64_t node, const char* name) {
  const size_t size = std::strlen(name) + 1;
  if (size > sizeof(OpenFile::name)) return false;
  if (Find(handle) != nullptr) return true;
  OpenFile* file = Find(0);
  if (file == nullptr) {
    const uint32_t fresh = used_open_files();
    if (fresh == kOpenFiles) return false;
    file = &memory_.open_files[fresh];
    memory_.used_open_files.store(fresh + 1, std::memory_order_release);
  }
  file->node = node;
  std::memcpy(file->name.data(), name, size);
  file->handle.store(handle, std::memory_order_release);  // last: from here on it counts
  return true;
}

void FuseLog::RemoveOpenFile(uint64_t handle) {
  if (OpenFile* const file = Find(handle)) file->handle.store(0, std::memory_order_release);
}

}  // namespace lacuna
