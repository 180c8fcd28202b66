#include "cachefiles/cachefiles_wire.h"

#include <linux/cachefiles.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <limits>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

static_assert(kCachefilesMaxMessage == CACHEFILES_MSG_MAX_SIZE);

// A command is one write of less than a page (fs/cachefiles/daemon.c); the rest is room for its name.
constexpr size_t kMaxDirLength = 4000;

// The kernel's structures end in `data[]`, so they cannot be returned in a StatusOr.
template <typename T>
absl::Status Take(absl::Span<const char> bytes, T& value) {
  if (bytes.size() < sizeof(T)) {
    return absl::InvalidArgumentError(absl::StrCat(bytes.size(), " bytes, ", sizeof(T), " needed"));
  }
  std::memcpy(&value, bytes.data(), sizeof(T));
  return absl::OkStatus();
}

absl::Status ParseOpen(absl::Span<const char> body, CachefilesRequest& request) {
  cachefiles_open open;
  RETURN_IF_ERROR(Take(body, open));
  body.remove_prefix(sizeof(open));
  if (open.volume_key_size == 0 || open.volume_key_size > body.size() ||
      open.cookie_key_size != body.size() - open.volume_key_size) {
    return absl::InvalidArgumentError(absl::StrCat("keys of ", open.volume_key_size, " and ",
                                                   open.cookie_key_size, " bytes in ", body.size()));
  }
  const absl::string_view volume(body.data(), open.volume_key_size - 1);
  if (body[open.volume_key_size - 1] != '\0' || volume.find('\0') != volume.npos) {
    return absl::InvalidArgumentError("volume key does not end with its only NUL");
  }
  if (open.fd > std::numeric_limits<int>::max()) {
    return absl::InvalidArgumentError(absl::StrCat("descriptor ", open.fd));
  }
  request.body = CachefilesOpen{
      volume, {body.data() + open.volume_key_size, open.cookie_key_size}, static_cast<int>(open.fd)};
  return absl::OkStatus();
}

absl::Status ParseClose(absl::Span<const char> body, CachefilesRequest& request) {
  if (!body.empty()) return absl::InvalidArgumentError(absl::StrCat(body.size(), " bytes too many"));
  request.body = CachefilesClose{};
  return absl::OkStatus();
}

absl::Status ParseRead(absl::Span<const char> body, CachefilesRequest& request) {
  cachefiles_read read;
  RETURN_IF_ERROR(Take(body, read));
  if (body.size() != sizeof(read)) return absl::InvalidArgumentError("too long");
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (read.off > kMax || read.len > kMax - read.off) {
    return absl::InvalidArgumentError(absl::StrCat(read.len, " bytes at ", read.off));
  }
  request.body = CachefilesRead{{read.off, read.len}};
  return absl::OkStatus();
}

absl::Status ParseBody(uint32_t opcode, absl::Span<const char> body, CachefilesRequest& request) {
  switch (opcode) {
    case CACHEFILES_OP_OPEN:
      return Annotate(ParseOpen(body, request), "OPEN");
    case CACHEFILES_OP_CLOSE:
      return Annotate(ParseClose(body, request), "CLOSE");
    case CACHEFILES_OP_READ:
      return Annotate(ParseRead(body, request), "READ");
    default:
      return absl::UnimplementedError(absl::StrCat("unknown operation ", opcode));
  }
}

// Each of them satisfies the kernel's IS_ERR_VALUE: between 1 and 4095.
int ErrnoOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      return ENOENT;
    case absl::StatusCode::kDeadlineExceeded:
      return ETIMEDOUT;
    case absl::StatusCode::kResourceExhausted:
      return ENOSPC;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return EACCES;
    case absl::StatusCode::kInvalidArgument:
      return EINVAL;
    case absl::StatusCode::kUnimplemented:
      return EOPNOTSUPP;
    default:
      return EIO;
  }
}

bool InOrder(int stop, int cull, int run) {
  return 0 <= stop && stop < cull && cull < run && run < 100;
}

}  // namespace

absl::StatusOr<CachefilesRequest> ParseCachefilesMessage(absl::Span<const char> message) {
  if (message.size() > kCachefilesMaxMessage) {
    return absl::InvalidArgumentError(absl::StrCat("cachefiles message of ", message.size(), " bytes"));
  }
  cachefiles_msg header;
  RETURN_IF_ERROR(Annotate(Take(message, header), "cachefiles header"));
  if (header.len != message.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("cachefiles message of ", message.size(), " bytes says it has ", header.len));
  }
  CachefilesRequest request = {.msg_id = header.msg_id, .object_id = ObjectId(header.object_id)};
  RETURN_IF_ERROR(ParseBody(header.opcode, message.subspan(sizeof(cachefiles_msg)), request));
  return request;
}

CachefilesDebt CachefilesDebtOf(absl::Span<const char> message) {
  cachefiles_msg header;
  if (!Take(message, header).ok()) return {};
  CachefilesDebt debt = {.msg_id = header.msg_id, .object_id = ObjectId(header.object_id)};
  if (header.opcode == CACHEFILES_OP_READ) debt.kind = CachefilesDebt::Kind::kRead;
  if (header.opcode != CACHEFILES_OP_OPEN) return debt;
  debt.kind = CachefilesDebt::Kind::kOpen;
  cachefiles_open open;
  const bool whole = Take(message.subspan(sizeof(header)), open).ok();
  if (whole && open.fd <= std::numeric_limits<int>::max()) debt.fd = static_cast<int>(open.fd);
  return debt;
}

std::string CopenCommand(uint32_t msg_id, uint64_t size) {
  return absl::StrCat("copen ", msg_id, ",", size);
}

std::string CopenErrorCommand(uint32_t msg_id, const absl::Status& status) {
  return absl::StrCat("copen ", msg_id, ",-", ErrnoOf(status));
}

std::string CullCommand(absl::string_view name) {
  return absl::StrCat("cull ", name);
}

absl::StatusOr<std::vector<std::string>> BindCommands(absl::string_view dir, const CachefilesLimits& limits) {
  // The kernel cuts a command at its first newline, and refuses a NUL.
  if (dir.empty() || dir.front() != '/' || dir.size() > kMaxDirLength ||
      dir.find_first_of(absl::string_view("\0\n", 2)) != dir.npos) {
    return absl::InvalidArgumentError(absl::StrCat("cache folder '", dir, "' is no absolute path"));
  }
  if (!InOrder(limits.bstop, limits.bcull, limits.brun) ||
      !InOrder(limits.fstop, limits.fcull, limits.frun)) {
    return absl::InvalidArgumentError("cache limits have to be 0 <= stop < cull < run < 100 percent");
  }
  std::vector<std::string> commands = {absl::StrCat("dir ", dir), "tag lacuna"};
  // The kernel compares each limit with its neighbours as they stand at that moment (1, 5 and 7 at first), so
  // the outer two make way before the middle one moves.
  for (const auto& [prefix, stop, cull, run] : {std::tuple("b", limits.bstop, limits.bcull, limits.brun),
                                                std::tuple("f", limits.fstop, limits.fcull, limits.frun)}) {
    commands.push_back(absl::StrCat(prefix, "stop 0%"));
    commands.push_back(absl::StrCat(prefix, "run 99%"));
    commands.push_back(absl::StrCat(prefix, "cull ", cull, "%"));
    commands.push_back(absl::StrCat(prefix, "run ", run, "%"));
    commands.push_back(absl::StrCat(prefix, "stop ", stop, "%"));
  }
  commands.push_back("bind ondemand");
  return commands;
}

}  // namespace lacuna
