// The guard at the cachefiles door: a READ that is completed while its hole is still there is an EIO
// (KERNEL.md section 1.4, include/uapi/linux/cachefiles.h).
#include <linux/cachefiles.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "cachefiles/cachefiles_wire.h"
#include "daemon/keeper/guard.h"

namespace lacuna {
namespace {

// "copen ID,-EIO" without an allocation.
void RefuseOpen(int device, uint32_t msg_id) {
  constexpr absl::string_view kVerb = "copen ";
  constexpr absl::string_view kError = ",-5";
  static_assert(EIO == 5);
  std::array<char, 32> command;
  char* end = std::copy(kVerb.begin(), kVerb.end(), command.begin());
  end = std::to_chars(end, command.end(), msg_id).ptr;
  end = std::copy(kError.begin(), kError.end(), end);
  while (write(device, command.data(), end - command.data()) < 0 && errno == EINTR) continue;
}

}  // namespace

void Guard::FailWaitingCachefiles(int device) {
  if (!restored_) restored_ = write(device, kRestoreCommand.data(), kRestoreCommand.size()) >= 0;
  std::array<char, kCachefilesMaxMessage> message;
  for (int i = 0; i < kMostAtOnce; ++i) {
    const ssize_t size = read(device, message.data(), message.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return;
    FailCachefiles(device, absl::MakeConstSpan(message.data(), static_cast<size_t>(size)));
  }
}

void Guard::FailCachefiles(int device, absl::Span<const char> message) {
  const CachefilesDebt debt = CachefilesDebtOf(message);
  const int object = kept_.Find(KeptKind::kCachefilesObject, static_cast<uint64_t>(debt.object_id));
  switch (debt.kind) {
    case CachefilesDebt::Kind::kOpen:
      RefuseOpen(device, debt.msg_id);
      close(debt.fd);
      return;
    case CachefilesDebt::Kind::kRead:
      if (object >= 0) ioctl(object, CACHEFILES_IOC_READ_COMPLETE, static_cast<unsigned long>(debt.msg_id));
      return;
    case CachefilesDebt::Kind::kNothing:
      // Only for a CLOSE. The next worker must not find the object among those that are open.
      kept_.Drop(KeptKind::kCachefilesObject, static_cast<uint64_t>(debt.object_id));
      return;
  }
}

}  // namespace lacuna
