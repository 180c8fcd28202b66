#include "cachefiles/fuse_reads.h"

#include <cerrno>
#include <utility>
#include <vector>

namespace lacuna {
namespace {

// One buffer for each worker, kept: a fresh 1 MiB would cost 256 page faults at every reply.
absl::Span<char> BufferOf(size_t size) {
  thread_local std::vector<char> buffer;
  if (buffer.size() < size) buffer.resize(size);
  return absl::MakeSpan(buffer.data(), size);
}

}  // namespace

FuseReads::FuseReads(std::shared_ptr<FuseChannel> channel, WorkerPool& pool)
    : channel_(std::move(channel)), pool_(pool) {}

PendingRead FuseReads::Take(uint64_t unique, FuseObjectRef object, const ByteRange& range, Duration waited) {
  const ObjectId id = object->id;
  Job job = {unique, std::move(object), range};
  auto answer = [self = shared_from_this(), job = std::move(job)](const absl::Status& status) mutable {
    self->Answer(std::move(job), status);
  };
  return PendingRead(id, range, std::move(answer), waited);
}

void FuseReads::Answer(Job job, const absl::Status& status) {
  if (!status.ok()) return Fail(job, status);
  channel_->WhileOpen(
      [&] { pool_.Submit([self = shared_from_this(), job = std::move(job)] { self->ReplyFromFile(job); }); });
}

void FuseReads::ReplyFromFile(const Job& job) {
  if (!channel_->IsParked(job.unique)) return;  // stopped meanwhile
  const absl::Span<char> bytes = BufferOf(job.range.length);
  // All of the range or an error: a short reply would shrink the file in the kernel (KERNEL.md 2.1).
  const absl::Status status = job.object->file->ReadAt(job.range.offset, bytes);
  if (!status.ok()) return Fail(job, status);
  channel_->ReplyParked(job.unique, 0, bytes);
}

void FuseReads::Fail(const Job& job, const absl::Status& status) {
  if (!channel_->IsParked(job.unique)) return;  // stopped meanwhile
  ++errors_answered_;
  channel_->ReplyParked(job.unique, EIO);
  warnings_.Log("EIO for a reader of ", job.object->key.text(), " ", ToString(job.range), ": ",
                status.message());
}

}  // namespace lacuna
