// The /dev/cachefiles protocol in on-demand mode: one message to a typed request, and the commands. Pure.
// Source: include/uapi/linux/cachefiles.h and Documentation/filesystems/caching/cachefiles.rst (Linux 5.19
// and later). Integers have the host's byte order.
//
// Callers: the cachefiles door's parts. Thread-safe: only functions and values. What cannot be parsed is an
// error, never a crash.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cachefiles/object_key.h"
#include "daemon/base/byte_range.h"

namespace lacuna {

// "erofs,<domain_id>" (fs/erofs/fscache.c): all our mounts share one domain, and with it their devices.
inline constexpr char kCachefilesDomain[] = "lacuna";
inline constexpr char kCachefilesVolume[] = "erofs,lacuna";

// A read(2) of the device with a buffer of this size takes any message whole (CACHEFILES_MSG_MAX_SIZE).
inline constexpr size_t kCachefilesMaxMessage = 1024;

// The kernel looks an object up. To be answered with a copen command.
struct CachefilesOpen {
  absl::string_view volume_key;  // points into the message; without the NUL
  absl::string_view cookie_key;  // points into the message; any bytes
  int fd = -1;                   // in our descriptor table already; the receiver owns it
};
// The kernel lets go of the object. No reply.
struct CachefilesClose {};
// A reader waits for a hole. To be answered with the READ_COMPLETE ioctl on the object's descriptor.
struct CachefilesRead {
  ByteRange range;  // ends within what an off_t can hold
};

struct CachefilesRequest {
  uint32_t msg_id = 0;  // names the request in its answer, and after that another one
  ObjectId object_id{};
  std::variant<CachefilesOpen, CachefilesClose, CachefilesRead> body;
};

// One whole message, as one read(2) of the device gives it. Unimplemented for an unknown operation;
// InvalidArgument when it is too short or too long, its length field is not its length, or a value is out of
// range.
absl::StatusOr<CachefilesRequest> ParseCachefilesMessage(absl::Span<const char> message);

// What is owed for a message that ParseCachefilesMessage refused, so that nobody waits for ever.
struct CachefilesDebt {
  enum class Kind { kNothing, kOpen, kRead };
  Kind kind = Kind::kNothing;
  uint32_t msg_id = 0;
  ObjectId object_id{};
  int fd = -1;  // of an OPEN, where the message goes that far: to be closed
};
CachefilesDebt CachefilesDebtOf(absl::Span<const char> message);

// Asks for everything unanswered once more. EOPNOTSUPP where the kernel cannot (before 6.8, unless
// backported).
inline constexpr absl::string_view kRestoreCommand = "restore";

// "copen ID,SIZE": the object has `size` bytes. The kernel reads it as a signed 64-bit number.
std::string CopenCommand(uint32_t msg_id, uint64_t size);
// "copen ID,-ERRNO": the open fails. The mount then fails too, with an error of the kernel's choice.
std::string CopenErrorCommand(uint32_t msg_id, const absl::Status& status);

// "cull NAME": removes the file of this name in the calling thread's working directory.
std::string CullCommand(absl::string_view name);

// Free space of the cache's file system, in percent. Below `stop` the kernel allocates nothing, below `cull`
// it asks for culling, until `run` is free again. b: blocks, f: files. 0 <= stop < cull < run < 100.
struct CachefilesLimits {
  int brun = 7;
  int bcull = 5;
  int bstop = 1;
  int frun = 7;
  int fcull = 5;
  int fstop = 1;
};

// What makes a freshly opened device an on-demand cache in the folder `dir`, in order. InvalidArgument for a
// name or limits that the kernel would not take.
absl::StatusOr<std::vector<std::string>> BindCommands(absl::string_view dir, const CachefilesLimits& limits);

}  // namespace lacuna
