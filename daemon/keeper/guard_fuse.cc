// The guard at the fuse door: EIO for whoever waits (include/uapi/linux/fuse.h).
#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "cachefiles/fuse_wire.h"
#include "daemon/keeper/guard.h"

namespace lacuna {
namespace {

// Nobody waits for the answer of a RELEASE, and an INIT takes a real one: they are left to the next worker.
bool IsForTheGuard(const fuse_in_header& request) {
  return FuseWantsReply(request.opcode) && request.opcode != FUSE_RELEASE && request.opcode != FUSE_INIT;
}

// ENOENT, where it was answered by somebody else meanwhile, is as good.
void AnswerEio(int device, uint64_t unique) {
  const fuse_out_header answer = {.len = sizeof(answer), .error = -EIO, .unique = unique};
  while (write(device, &answer, sizeof(answer)) < 0 && errno == EINTR) continue;
}

}  // namespace

void Guard::FailOverdueFuse(Duration deadline) {
  const std::lock_guard lock(kept_.mutex);
  const int device = kept_.Find(KeptKind::kFuseDevice);
  if (device < 0) return;
  const TimePoint latest = std::chrono::steady_clock::now() - deadline;
  for (uint32_t slot = 0; slot < fuse_log_.used_slots(); ++slot) {
    if (fuse_log_.IsFree(slot) || fuse_log_.ClaimedAt(slot) > latest) continue;
    const fuse_in_header request = fuse_log_.Header(slot);
    if (request.len == 0 || !IsForTheGuard(request) || fuse_log_.IsGivenUp(slot)) continue;
    AnswerEio(device, request.unique);
    fuse_log_.GiveUp(slot, request.unique);
  }
}

// Like any worker it takes requests through the log, so that nothing is lost should the keeper end here.
void Guard::FailWaitingFuse(int device) {
  uint32_t slot = 0;
  for (int i = 0; i < kMostAtOnce; ++i) {
    while (slot < fuse_log_.used_slots() && !fuse_log_.IsFree(slot)) ++slot;
    if (slot == FuseLog::kSlots) return;
    fuse_log_.Claim(slot, std::chrono::steady_clock::now());
    const std::array<iovec, 2> pieces = fuse_log_.Pieces(slot);
    const ssize_t size = readv(device, pieces.data(), pieces.size());
    if (size <= 0) {
      fuse_log_.Free(slot);
      if (size < 0 && (errno == EINTR || errno == ENOENT)) continue;
      return;
    }
    const fuse_in_header request = fuse_log_.Header(slot);
    if (FuseWantsReply(request.opcode) && !IsForTheGuard(request)) continue;  // left where it is
    if (FuseWantsReply(request.opcode)) AnswerEio(device, request.unique);
    fuse_log_.Free(slot);
  }
}

}  // namespace lacuna
