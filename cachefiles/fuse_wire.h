// The /dev/fuse protocol, kernel to daemon: bytes to a typed request. Pure.
// Source: include/uapi/linux/fuse.h (protocol 7.31, Linux 5.4, and later) and
// Documentation/filesystems/fuse.rst.
//
// Caller: FuseSession, on its thread. Thread-safe: only functions and values. What cannot be parsed is an
// error, never a crash, and nothing is allocated beyond the message's own size.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace lacuna {

// The longest READ that is answered, in bytes: 256 pages, the most the kernel allows (FUSE_MAX_PAGES).
inline constexpr uint32_t kFuseMaxRead = 1024 * 1024;

struct FuseInit {
  uint32_t major = 0;
  uint32_t minor = 0;
  uint32_t max_readahead = 0;  // bytes
  uint32_t flags = 0;          // FUSE_ASYNC_READ and so on: what the kernel can do
};
struct FuseLookup {
  absl::string_view name;  // points into the message; without the NUL
};
struct FuseGetattr {};
struct FuseOpen {
  uint32_t flags = 0;  // as open(2) has them
};
struct FuseRead {
  uint64_t handle = 0;
  uint64_t offset = 0;
  uint32_t size = 0;  // bytes, at most kFuseMaxRead; offset + size does not overflow
};
struct FuseRelease {
  uint64_t handle = 0;
};
struct FuseStatfs {};
// No reply is expected, and there is nothing to do: a FORGET tells that the kernel has dropped a node that we
// hold nothing for, an INTERRUPT that a reader was killed, whose request is answered as any.
struct FuseSilent {};
// An operation that this file system does not have: EROFS for those that write, ENOSYS for the rest, after
// which the kernel does not ask again (FLUSH, ACCESS) or does without.
struct FuseRefused {
  int error = 0;
};

struct FuseRequest {
  uint64_t unique = 0;  // names the request in its reply
  uint64_t node = 0;
  std::variant<FuseInit, FuseLookup, FuseGetattr, FuseOpen, FuseRead, FuseRelease, FuseStatfs, FuseSilent,
               FuseRefused>
      body;
};

bool FuseWantsReply(uint32_t opcode);

// One whole message, as one read(2) of the device gives it. InvalidArgument when it is too short for its
// operation, its length field is not its length, or a value is out of range.
absl::StatusOr<FuseRequest> ParseFuseRequest(absl::Span<const char> message);

// The number under which a malformed message can still be refused; nullopt when it holds none.
std::optional<uint64_t> FuseUniqueOf(absl::Span<const char> message);

}  // namespace lacuna
