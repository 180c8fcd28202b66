#include "cachefiles/chunk_map.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cachefiles/chunk_map_format.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr uint64_t kSlots = 2;
constexpr uint64_t kBitsPerWord = 64;

uint64_t CountBits(const std::vector<uint64_t>& words) {
  uint64_t bits = 0;
  for (uint64_t word : words) bits += std::popcount(word);
  return bits;
}

}  // namespace

ChunkMap::ChunkMap(std::unique_ptr<BackingFile> map_file, uint64_t object_size)
    : map_file_(std::move(map_file)),
      object_size_(object_size),
      chunk_count_(ChunkCount(object_size)),
      words_(ChunkMapWords(object_size)) {}

absl::Status ChunkMap::CheckObjectSize(uint64_t object_size) {
  if (object_size <= kMaxObjectSize) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("an object of ", object_size, " bytes is too large; lacuna takes up to ", kMaxObjectSize));
}

absl::StatusOr<std::unique_ptr<ChunkMap>> ChunkMap::Open(std::unique_ptr<BackingFile> map_file,
                                                         uint64_t map_file_size, uint64_t object_size) {
  RETURN_IF_ERROR(CheckObjectSize(object_size));
  std::unique_ptr<ChunkMap> map(new ChunkMap(std::move(map_file), object_size));
  if (map_file_size > 0) RETURN_IF_ERROR(map->Load(map_file_size));
  return map;
}

std::unique_ptr<ChunkMap> ChunkMap::InMemory(uint64_t object_size) {
  return std::unique_ptr<ChunkMap>(new ChunkMap(nullptr, object_size));
}

absl::Status ChunkMap::Load(uint64_t map_file_size) {
  MutexLock commit_lock(commit_mutex_);
  MutexLock lock(mutex_);
  origin_ = Origin::kDamaged;
  // A daemon that was killed may have left the slot in the page cache only. It has to be on the disk before
  // the other slot, which may be all that the disk has, is written over.
  if (!map_file_->Sync().ok()) return absl::OkStatus();
  const uint64_t slot_size = ChunkMapSlotSize(object_size_);
  std::string bytes(slot_size, '\0');
  for (uint64_t slot = 0; slot < kSlots && (slot + 1) * slot_size <= map_file_size; ++slot) {
    RETURN_IF_ERROR(map_file_->ReadAt(slot * slot_size, absl::MakeSpan(bytes)));
    absl::StatusOr<ChunkMapImage> image = DecodeChunkMap(bytes, object_size_);
    if (!image.ok() || image->generation <= generation_) continue;
    origin_ = Origin::kLoaded;
    generation_ = image->generation;
    next_slot_ = 1 - slot;
    words_ = std::move(image->words);
  }
  present_chunks_ = committed_chunks_ = CountBits(words_);
  return absl::OkStatus();
}

bool ChunkMap::Test(uint64_t chunk) const {
  return ((words_[chunk / kBitsPerWord] >> (chunk % kBitsPerWord)) & 1) != 0;
}

bool ChunkMap::IsPresent(uint64_t chunk) const {
  MutexLock lock(mutex_);
  return chunk < chunk_count_ && Test(chunk);
}

std::vector<uint64_t> ChunkMap::Missing(const ChunkRange& chunks) const {
  std::vector<uint64_t> missing;
  const uint64_t end = std::min(chunks.last, chunk_count_);
  MutexLock lock(mutex_);
  for (uint64_t chunk = chunks.first; chunk < end; ++chunk) {
    if (!Test(chunk)) missing.push_back(chunk);
  }
  return missing;
}

bool ChunkMap::AllPresent() const {
  MutexLock lock(mutex_);
  return present_chunks_ == chunk_count_;
}

uint64_t ChunkMap::present_chunks() const {
  MutexLock lock(mutex_);
  return present_chunks_;
}

uint64_t ChunkMap::present_bytes() const {
  MutexLock lock(mutex_);
  const uint64_t bytes = present_chunks_ * kChunkSize;
  const uint64_t past_the_end = chunk_count_ * kChunkSize - object_size_;  // of the last chunk
  return chunk_count_ > 0 && Test(chunk_count_ - 1) ? bytes - past_the_end : bytes;
}

absl::Status ChunkMap::failure() const {
  MutexLock lock(mutex_);
  return failure_;
}

void ChunkMap::MarkPresent(uint64_t chunk) {
  MutexLock lock(mutex_);
  if (!failure_.ok() || chunk >= chunk_count_ || Test(chunk)) return;
  words_[chunk / kBitsPerWord] |= uint64_t{1} << (chunk % kBitsPerWord);
  ++present_chunks_;
}

void ChunkMap::Forget(const ChunkRange& chunks) {
  const uint64_t end = std::min(chunks.last, chunk_count_);
  MutexLock lock(mutex_);
  for (uint64_t chunk = chunks.first; chunk < end; ++chunk) {
    if (!Test(chunk)) continue;
    words_[chunk / kBitsPerWord] &= ~(uint64_t{1} << (chunk % kBitsPerWord));
    --present_chunks_;
  }
}

absl::Status ChunkMap::Commit(BackingFile& data) {
  MutexLock commit_lock(commit_mutex_);
  std::vector<uint64_t> snapshot;
  {
    // Before the sync: a bit that is set while it runs may stand for bytes that it does not cover.
    MutexLock lock(mutex_);
    if (!failure_.ok()) return failure_;
    if (present_chunks_ == committed_chunks_) return absl::OkStatus();
    snapshot = words_;
  }
  if (absl::Status synced = data.Sync(); !synced.ok()) return Fail(synced);
  return WriteSlot(std::move(snapshot));
}

absl::Status ChunkMap::WriteSlot(std::vector<uint64_t> words) {
  const uint64_t chunks = CountBits(words);
  const std::string slot =
      EncodeChunkMap({.object_size = object_size_, .generation = generation_ + 1, .words = std::move(words)});
  RETURN_IF_ERROR(map_file_->WriteAt(next_slot_ * slot.size(), slot));
  RETURN_IF_ERROR(map_file_->Sync());
  // Only now: after an error the same slot is written again, and the other keeps what the disk is sure of.
  ++generation_;
  next_slot_ = 1 - next_slot_;
  committed_chunks_ = chunks;
  return absl::OkStatus();
}

absl::Status ChunkMap::Fail(const absl::Status& cause) {
  Drop(Annotate(cause, "the object's bytes are lost"));
  const absl::Status wiped = WipeSlots();
  MutexLock lock(mutex_);
  if (!wiped.ok()) {
    failure_ = Annotate(failure_, absl::StrCat("the chunk map is left unwiped (", wiped.message(), ")"));
  }
  return failure_;
}

void ChunkMap::Drop(absl::Status failure) {
  MutexLock lock(mutex_);
  std::fill(words_.begin(), words_.end(), 0);
  present_chunks_ = 0;
  failure_ = std::move(failure);
}

absl::Status ChunkMap::WipeSlots() {
  // Both, whatever the first write says: one that goes through is one map less to be taken for true.
  const std::string zeros(kBlockSize, '\0');
  absl::Status status;
  for (uint64_t slot = 0; slot < kSlots; ++slot) {
    status.Update(map_file_->WriteAt(slot * ChunkMapSlotSize(object_size_), zeros));
  }
  status.Update(map_file_->Sync());
  return status;
}

}  // namespace lacuna
