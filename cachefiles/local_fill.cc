#include "cachefiles/local_fill.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/block_aligned_buffer.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr uint64_t kStepBytes = 1024 * 1024;

absl::Status CopyStep(const CachefilesObject& object, const ByteRange& range) {
  BlockAlignedBuffer bytes(range.length);
  RETURN_IF_ERROR(object.published.file->ReadAt(range.offset, absl::MakeSpan(bytes)));
  return object.file->WriteAt(range.offset, bytes);
}

absl::Status FillStep(const CachefilesObject& object, const ByteRange& range) {
  ASSIGN_OR_RETURN(const std::vector<ByteRange> kept, object.file->DataIn(range));
  if (kept == std::vector<ByteRange>{range}) return absl::OkStatus();
  return CopyStep(object, range);
}

absl::Status CopyRange(const CachefilesObject& object, const ByteRange& range) {
  const uint64_t end = std::min(range.end(), object.published.size);
  if (range.offset >= end) return absl::OutOfRangeError("read beyond the object's end");
  for (uint64_t at = range.offset; at < end; at += kStepBytes) {
    RETURN_IF_ERROR(CopyStep(object, {at, std::min(kStepBytes, end - at)}));
  }
  return absl::OkStatus();
}

void FillFrom(uint64_t offset, CachefilesObjectRef object, WorkerPool& pool) {
  const ByteRange step = {offset, std::min(kStepBytes, object->published.size - offset)};
  const absl::Status status = FillStep(*object, step);
  const std::string& key = object->published.key.text();
  if (absl::IsUnavailable(status)) return LogDebug("fill of ", key, " ends: ", status.message());
  if (!status.ok()) return LogWarning("fill of ", key, " at ", ToString(step), ": ", status.message());
  if (step.end() >= object->published.size) return LogDebug("filled ", key);
  pool.Submit([object = std::move(object), &pool, at = step.end()]() mutable {
    FillFrom(at, std::move(object), pool);
  });
}

}  // namespace

void FillLocally(CachefilesObjectRef object, WorkerPool& pool) {
  pool.Submit([object = std::move(object), &pool]() mutable { FillFrom(0, std::move(object), pool); });
}

void AnswerLocally(CachefilesObjectRef object, PendingRead read, WorkerPool& pool) {
  pool.Submit([object = std::move(object), read = std::move(read)]() mutable {
    const absl::Status status = CopyRange(*object, read.range());
    std::move(read).Complete(status);
  });
}

}  // namespace lacuna
