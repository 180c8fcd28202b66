#include "cachefiles/fuse_wire.h"

#include <linux/fuse.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

using Body = decltype(FuseRequest::body);

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

absl::StatusOr<Body> ParseInit(absl::Span<const char> body) {
  // 16 bytes up to 7.35; 7.36 appended flags2.
  ASSIGN_OR_RETURN(const fuse_init_in in, Take<fuse_init_in>(body, offsetof(fuse_init_in, flags2)));
  return FuseInit{in.major, in.minor, in.max_readahead, in.flags};
}

absl::StatusOr<Body> ParseLookup(absl::Span<const char> body) {
  const void* const end = body.empty() ? nullptr : std::memchr(body.data(), '\0', body.size());
  if (end == nullptr) return absl::InvalidArgumentError("name without its NUL");
  return FuseLookup{
      absl::string_view(body.data(), static_cast<size_t>(static_cast<const char*>(end) - body.data()))};
}

absl::StatusOr<Body> ParseForget(uint64_t node, absl::Span<const char> body) {
  ASSIGN_OR_RETURN(const fuse_forget_in in, Take<fuse_forget_in>(body));
  return FuseForget{{{node, in.nlookup}}};
}

absl::StatusOr<Body> ParseBatchForget(absl::Span<const char> body) {
  ASSIGN_OR_RETURN(const fuse_batch_forget_in in, Take<fuse_batch_forget_in>(body));
  body.remove_prefix(sizeof(in));
  if (in.count > body.size() / sizeof(fuse_forget_one)) {
    return absl::InvalidArgumentError(absl::StrCat(in.count, " forgets in ", body.size(), " bytes"));
  }
  FuseForget forget;
  forget.nodes.reserve(in.count);
  for (uint32_t i = 0; i < in.count; ++i) {
    ASSIGN_OR_RETURN(const fuse_forget_one one, Take<fuse_forget_one>(body));
    forget.nodes.push_back({one.nodeid, one.nlookup});
    body.remove_prefix(sizeof(one));
  }
  return forget;
}

absl::StatusOr<Body> ParseOpen(absl::Span<const char> body) {
  ASSIGN_OR_RETURN(const fuse_open_in in, Take<fuse_open_in>(body));
  return FuseOpen{in.flags};
}

absl::StatusOr<Body> ParseRead(absl::Span<const char> body) {
  ASSIGN_OR_RETURN(const fuse_read_in in, Take<fuse_read_in>(body));
  if (in.size > kFuseMaxRead) return absl::InvalidArgumentError(absl::StrCat("READ of ", in.size, " bytes"));
  if (in.offset > std::numeric_limits<int64_t>::max() - kFuseMaxRead) {
    return absl::InvalidArgumentError(absl::StrCat("READ at ", in.offset));
  }
  return FuseRead{in.fh, in.offset, in.size};
}

absl::StatusOr<Body> ParseRelease(absl::Span<const char> body) {
  ASSIGN_OR_RETURN(const fuse_release_in in, Take<fuse_release_in>(body));
  return FuseRelease{in.fh};
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

absl::StatusOr<Body> ParseBody(const fuse_in_header& header, absl::Span<const char> body) {
  switch (header.opcode) {
    case FUSE_INIT:
      return ParseInit(body);
    case FUSE_LOOKUP:
      return ParseLookup(body);
    case FUSE_FORGET:
      return ParseForget(header.nodeid, body);
    case FUSE_BATCH_FORGET:
      return ParseBatchForget(body);
    case FUSE_GETATTR:
      return FuseGetattr{};
    case FUSE_OPEN:
      return ParseOpen(body);
    case FUSE_READ:
      return ParseRead(body);
    case FUSE_RELEASE:
      return ParseRelease(body);
    case FUSE_STATFS:
      return FuseStatfs{};
    case FUSE_INTERRUPT:
    case FUSE_NOTIFY_REPLY:
      return FuseSilent{};
    default:
      return FuseRefused{RefusalOf(header.opcode)};
  }
}

}  // namespace

absl::StatusOr<FuseRequest> ParseFuseRequest(absl::Span<const char> message) {
  absl::StatusOr<fuse_in_header> header = Take<fuse_in_header>(message);
  if (!header.ok()) return Annotate(header.status(), "FUSE header");
  if (header->len != message.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("FUSE message of ", message.size(), " bytes says it has ", header->len));
  }
  absl::StatusOr<Body> body = ParseBody(*header, message.subspan(sizeof(fuse_in_header)));
  if (!body.ok()) return Annotate(body.status(), absl::StrCat("FUSE operation ", header->opcode));
  return FuseRequest{header->unique, header->nodeid, *std::move(body)};
}

std::optional<uint64_t> FuseUniqueOf(absl::Span<const char> message) {
  const absl::StatusOr<fuse_in_header> header = Take<fuse_in_header>(message);
  if (!header.ok() || header->unique == 0) return std::nullopt;
  return header->unique;
}

}  // namespace lacuna
