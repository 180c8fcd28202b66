// BlobCache where the kernel keeps the object's bytes (KernelFile): what is present is what is no hole of the
// kernel's file, as long as that is open. Our map is what we know of it.
//
//   Attach    the kernel opened the object: forget everything, Scan, then serve who asked meanwhile
//   Scan      what was held in memory goes into the file; what the file has is marked present
//   Confirm   the kernel asks for what we take for present: it was written a moment ago, or was taken away
//   Detach    the kernel closed it: nobody can be served any more
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/blob_cache.h"

namespace lacuna {

void BlobCache::Attach(const std::shared_ptr<KernelFile>& file) {
  {
    MutexLock lock(mutex_);
    if (!refusal_.ok()) return;
    kernel_->Attach(file);
    map_->Forget(ChunksOf({0, size_}));
    scanning_ = true;
  }
  context_.pool.Submit([self = shared_from_this(), file] { self->Scan(file); });
}

void BlobCache::Scan(const std::shared_ptr<KernelFile>& file) {
  absl::Status status = kernel_->Unstage(*file);
  std::vector<ByteRange> data;
  if (status.ok()) {
    absl::StatusOr<std::vector<ByteRange>> found = file->DataIn({0, size_});
    found.ok() ? void(data = *std::move(found)) : void(status = found.status());
  }
  if (!status.ok()) LogWarning("object ", key_.text(), " starts as if it were empty: ", status.message());
  std::vector<EarlyRead> early;
  {
    MutexLock lock(mutex_);
    if (kernel_->file() != file) return;  // closed or opened anew meanwhile: not ours to say what is there
    for (const ByteRange& range : data) MarkWholeChunks(range);
    // The kernel seldom asks for what its bootstrap has as a hole; if it does, Confirm finds out.
    MarkZeros();
    scanning_ = false;
    early.swap(early_reads_);
  }
  for (EarlyRead& read : early) Bring(std::move(read.read), read.priority, read.deadline);
  TellIfComplete();
}

void BlobCache::MarkWholeChunks(const ByteRange& data) {
  const uint64_t end = data.end() == size_ ? ChunkCount(size_) : data.end() / kChunkSize;
  for (uint64_t chunk = RoundUp(data.offset, kChunkSize) / kChunkSize; chunk < end; ++chunk) {
    map_->MarkPresent(chunk);
  }
}

void BlobCache::MarkZeros() {
  for (const ChunkRange& chunks : source_->zeros()) {
    for (uint64_t chunk = chunks.first; chunk < chunks.last; ++chunk) map_->MarkPresent(chunk);
  }
}

void BlobCache::Confirm(PendingRead read, TimePoint deadline) {
  // Asking the file may wait for the disk.
  context_.pool.Submit([self = shared_from_this(), read = std::move(read), deadline]() mutable {
    self->ForgetWhatIsLost(read.range());
    self->Bring(std::move(read), Priority::kDemand, deadline, /*confirmed=*/true);
  });
}

void BlobCache::ForgetWhatIsLost(const ByteRange& range) {
  const std::shared_ptr<KernelFile> file = kernel_->file();
  if (file == nullptr) return;
  // Before the file is asked: what is written from here on may be missing in its answer.
  std::vector<uint64_t> present;
  const ChunkRange chunks = ChunksOf(range);
  for (uint64_t chunk = chunks.first; chunk < chunks.last; ++chunk) {
    if (map_->IsPresent(chunk)) present.push_back(chunk);
  }
  const absl::StatusOr<std::vector<ByteRange>> data = file->DataIn(range);
  if (!data.ok()) return LogWarning("object ", key_.text(), ": ", data.status().message());
  MutexLock lock(mutex_);
  if (kernel_->file() != file || scanning_) return;
  for (const uint64_t chunk : present) {
    const ByteRange part = Intersection(BytesOf({chunk, chunk + 1}, size_), range);
    const bool whole =
        std::any_of(data->begin(), data->end(), [&](const ByteRange& piece) { return piece.Contains(part); });
    if (whole) continue;
    LogDebug("object ", key_.text(), ": the kernel has lost some of ", ToString(part));
    map_->Forget({chunk, chunk + 1});
  }
}

void BlobCache::TellIfComplete() {
  std::vector<Done> watchers;
  {
    MutexLock lock(mutex_);
    if (scanning_ || !map_->AllPresent()) return;
    watchers.swap(watchers_);
  }
  for (Done& done : watchers) std::move(done)(absl::OkStatus());
}

void BlobCache::Detach(const KernelFile& file) {
  std::vector<ParkedRead> waiting;
  std::vector<Done> watchers;
  {
    MutexLock lock(mutex_);
    if (!kernel_->Detach(file)) return;
    map_->Forget(ChunksOf({0, size_}));
    scanning_ = false;
    waiting = TakeAllReads();
    watchers.swap(watchers_);
  }
  AnswerAll(std::move(waiting), Closed());
  for (Done& done : watchers) std::move(done)(Closed());
}

absl::Status BlobCache::Closed() const {
  return absl::UnavailableError(
      absl::StrCat("object ", key_.text(), " was closed by the kernel; mount its image"));
}

}  // namespace lacuna
