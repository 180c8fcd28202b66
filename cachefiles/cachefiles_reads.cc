#include "cachefiles/cachefiles_reads.h"

#include <cerrno>
#include <vector>

#include "daemon/base/status.h"

namespace lacuna {

PendingRead CachefilesReads::Take(const CachefilesObjectRef& object, uint32_t msg_id,
                                  const ByteRange& range) {
  Job job = {.object = object, .msg_id = msg_id, .range = range};
  {
    MutexLock lock(mutex_);
    job.ticket = ++last_ticket_;
    parked_[{object->id, msg_id}] = job.ticket;
  }
  return PendingRead(object->id, range,
                     [self = shared_from_this(), job = std::move(job)](const absl::Status& status) {
                       self->Answer(job, status);
                     });
}

void CachefilesReads::RefuseAll(const CachefilesObject& object) {
  std::vector<uint32_t> msg_ids;
  {
    MutexLock lock(mutex_);
    const auto begin = parked_.lower_bound({object.id, 0});
    auto end = begin;
    for (; end != parked_.end() && end->first.first == object.id; ++end) msg_ids.push_back(end->first.second);
    parked_.erase(begin, end);
  }
  for (const uint32_t msg_id : msg_ids) Refuse(object, msg_id);
}

void CachefilesReads::Answer(const Job& job, const absl::Status& status) {
  bool mine = false;
  // Unparked only with the descriptor at hand: who closes the object answers what is still parked, and waits
  // for this.
  job.object->fd->WhileOpen([&](int fd) {
    mine = Unpark(job);
    if (mine) Complete(fd, job.msg_id);
  });
  if (!mine || status.ok()) return;
  ++errors_answered_;
  failed_reads_.Log("EIO for a reader of ", job.object->published.key.text(), " ", ToString(job.range), ": ",
                    status.message());
}

void CachefilesReads::Refuse(const CachefilesObject& object, uint32_t msg_id) {
  object.fd->WhileOpen([&](int fd) { Complete(fd, msg_id); });
}

bool CachefilesReads::Unpark(const Job& job) {
  MutexLock lock(mutex_);
  const auto parked = parked_.find({job.object->id, job.msg_id});
  if (parked == parked_.end() || parked->second != job.ticket) return false;
  parked_.erase(parked);
  return true;
}

void CachefilesReads::Complete(int object_fd, uint32_t msg_id) {
  const int error = device_->CompleteRead(object_fd, msg_id);
  if (error == 0) return;
  // The kernel knows no such read any more: its reader was killed, or the object is being closed.
  if (error == EINVAL) {
    ++late_completions_;
    return;
  }
  failed_answers_.Log(ErrnoStatus(error, "READ_COMPLETE").message());
}

}  // namespace lacuna
