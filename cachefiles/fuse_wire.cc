#include "cachefiles/fuse_wire.h"

#include <linux/fuse.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// The kernel only ever appends to its structures, so a longer body is a newer kernel's.
template <typename T>
absl::StatusOr<T> Take(absl::Span<const char> body, size_t size = sizeof(T)) {
  if (body.size() < size) {
    return absl::InvalidArgumentError(absl::StrCat("body of ", body.size(), " bytes, ", size, " needed"));
  }
  T value = {};
  std::memcpy(&value, body.data(), size);
  return value;
}

absl::Status ParseInit(absl::Span<const char> body, FuseRequest& request) {
  // 16 bytes up to 7.35; 7.36 appended flags2.
  ASSIGN_OR_RETURN(const fuse_init_in in, Take<fuse_init_in>(body, offsetof(fuse_init_in, flags2)));
  request.body = FuseInit{in.major, in.minor, in.max_readahead, in.flags};
  return absl::OkStatus();
}

absl::Status ParseLookup(absl::Span<const char> body, FuseRequest& request) {
  const void* const end = body.empty() ? nullptr : std::memchr(body.data(), '\0', body.size());
  if (end == nullptr) return absl::InvalidArgumentError("name without its NUL");
  request.body = FuseLookup{
      absl::string_view(body.data(), static_cast<size_t>(static_cast<const char*>(end) - body.data()))};
  return absl::OkStatus();
}

absl::Status ParseOpen(absl::Span<const char> body, FuseRequest& request) {
  ASSIGN_OR_RETURN(const fuse_open_in in, Take<fuse_open_in>(body));
  request.body = FuseOpen{in.flags};
  return absl::OkStatus();
}

absl::Status ParseRead(absl::Span<const char> body, FuseRequest& request) {
  ASSIGN_OR_RETURN(const fuse_read_in in, Take<fuse_read_in>(body));
  if (in.size > kFuseMaxRead) return absl::InvalidArgumentError(absl::StrCat("READ of ", in.size, " bytes"));
  if (in.offset > std::numeric_limits<int64_t>::max() - kFuseMaxRead) {
    return absl::InvalidArgumentError(absl::StrCat("READ at ", in.offset));
  }
  request.body = FuseRead{in.fh, in.offset, in.size};
  return absl::OkStatus();
}

absl::Status ParseRelease(absl::Span<const char> body, FuseRequest& request) {
  ASSIGN_OR_RETURN(const fuse_release_in in, Take<fuse_release_in>(body));
  request.body = FuseRelease{in.fh};
  return absl::OkStatus();
}

int RefusalOf(uint32_t opcode) {
  switch (opcode) {
    case FUSE_SETATTR:
    case FUSE_SYMLINK:
    case FUSE_MKNOD:
    case FUSE_MKDIR:
    case FUSE_UNLINK:
    case FUSE_RMDIR:
    case FUSE_RENAME:
    case FUSE_RENAME2:
    case FUSE_LINK:
    case FUSE_WRITE:
    case FUSE_SETXATTR:
    case FUSE_REMOVEXATTR:
    case FUSE_CREATE:
    case FUSE_FALLOCATE:
    case FUSE_COPY_FILE_RANGE:
    case FUSE_TMPFILE:
      return EROFS;
    default:
      return ENOSYS;
  }
}

absl::Status ParseBody(uint32_t opcode, absl::Span<const char> body, FuseRequest& request) {
  switch (opcode) {
    case FUSE_INIT:
      return ParseInit(body, request);
    case FUSE_LOOKUP:
      return ParseLookup(body, request);
    case FUSE_OPEN:
      return ParseOpen(body, request);
    case FUSE_READ:
      return ParseRead(body, request);
    case FUSE_RELEASE:
      return ParseRelease(body, request);
    case FUSE_GETATTR:
      request.body = FuseGetattr{};
      return absl::OkStatus();
    case FUSE_STATFS:
      request.body = FuseStatfs{};
      return absl::OkStatus();
    default:
      if (FuseWantsReply(opcode)) {
        request.body = FuseRefused{RefusalOf(opcode)};
      } else {
        request.body = FuseSilent{};
      }
      return absl::OkStatus();
  }
}

}  // namespace

bool FuseWantsReply(uint32_t opcode) {
  switch (opcode) {
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
    case FUSE_NOTIFY_REPLY:
      return false;
    default:
      return true;
  }
}

absl::StatusOr<FuseRequest> ParseFuseRequest(absl::Span<const char> message) {
  absl::StatusOr<fuse_in_header> header = Take<fuse_in_header>(message);
  if (!header.ok()) return Annotate(header.status(), "FUSE header");
  if (header->len != message.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("FUSE message of ", message.size(), " bytes says it has ", header->len));
  }
  FuseRequest request = {.unique = header->unique, .node = header->nodeid};
  const absl::Status status = ParseBody(header->opcode, message.subspan(sizeof(fuse_in_header)), request);
  if (!status.ok()) return Annotate(status, absl::StrCat("FUSE operation ", header->opcode));
  return request;
}

std::optional<uint64_t> FuseUniqueOf(absl::Span<const char> message) {
  const absl::StatusOr<fuse_in_header> header = Take<fuse_in_header>(message);
  if (!header.ok() || header->unique == 0) return std::nullopt;
  return header->unique;
}

}  // namespace lacuna
