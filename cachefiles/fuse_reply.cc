#include "cachefiles/fuse_reply.h"

#include <sys/stat.h>

#include <algorithm>

#include "daemon/base/byte_range.h"

namespace lacuna {
namespace {

constexpr uint64_t kForGoodSeconds = 365ull * 24 * 3600;

// KERNEL.md 2.1: with the default of 12 the 13th reader waits in the kernel, unseen. A u16.
constexpr uint16_t kMaxBackground = 65535;

// Nothing is ever written, but the kernel takes no less.
constexpr uint32_t kMaxWrite = 4096;

fuse_attr ObjectAttr(ObjectId id, uint64_t size) {
  return {.ino = static_cast<uint64_t>(id),
          .size = size,
          .blocks = size / 512,
          .mode = S_IFREG | 0400,
          .nlink = 1,
          .blksize = kBlockSize};
}

}  // namespace

bool SpeaksOurFuse(const FuseInit& init) {
  return init.major == FUSE_KERNEL_VERSION && init.minor >= kFuseMinor;
}

fuse_init_out InitReply(const FuseInit& init) {
  return {.major = FUSE_KERNEL_VERSION,
          .minor = kFuseMinor,
          .max_readahead = std::max(init.max_readahead, kFuseMaxRead),
          .flags = init.flags & (FUSE_ASYNC_READ | FUSE_ASYNC_DIO | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES),
          .max_background = kMaxBackground,
          .congestion_threshold = kMaxBackground,
          .max_write = kMaxWrite,
          .max_pages = kFuseMaxRead / kBlockSize};
}

fuse_attr_out RootAttrReply() {
  return {.attr_valid = kForGoodSeconds,
          .attr = {.ino = FUSE_ROOT_ID, .mode = S_IFDIR | 0500, .nlink = 2, .blksize = kBlockSize}};
}

fuse_attr_out ObjectAttrReply(ObjectId id, uint64_t size) {
  return {.attr_valid = kForGoodSeconds, .attr = ObjectAttr(id, size)};
}

fuse_entry_out LookupReply(ObjectId id, uint64_t size) {
  // entry_valid stays 0: a name may be published anew with another file. Names are looked up by mounts only.
  return {.nodeid = static_cast<uint64_t>(id), .attr_valid = kForGoodSeconds, .attr = ObjectAttr(id, size)};
}

fuse_open_out OpenReply(uint64_t handle) {
  // Measured against FOPEN_KEEP_CACHE (256 MB, file-backed): file data is held in memory once, not twice;
  // cold sequential reads are no slower, random ones equal. EROFS' metadata goes through the page cache
  // either way.
  return {.fh = handle, .open_flags = FOPEN_DIRECT_IO};
}

fuse_statfs_out StatfsReply() {
  return {.st = {.bsize = kBlockSize, .namelen = 255, .frsize = kBlockSize}};
}

}  // namespace lacuna
