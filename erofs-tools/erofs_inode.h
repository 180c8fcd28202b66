// An inode as read from an EROFS.
//
// Caller: ErofsReader and who uses it. Values; safe from any thread.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "erofs-tools/erofs_format.h"
#include "erofs-tools/superblock.h"

namespace lacuna {

struct ErofsInode {
  uint64_t nid = 0;
  uint64_t offset = 0;  // in the image, bytes
  uint64_t size = 0;    // of its content, bytes; at most 2^63 - 1
  int64_t mtime = 0;    // seconds since 1970
  uint32_t mtime_nanoseconds = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t links = 0;
  uint32_t data = 0;  // the first block, a chunk format, or an encoded device number
  uint32_t inode_size = 0;
  uint32_t xattr_size = 0;  // bytes of attributes that follow the inode
  uint16_t mode = 0;        // as stat has it
  DataLayout layout = DataLayout::kFlatPlain;

  // Where what follows inode and attributes begins.
  uint64_t body_offset() const { return offset + inode_size + xattr_size; }
};

// kSize of the inode that begins with these two bytes.
uint32_t InodeSizeOf(uint16_t format);

// `bytes` are the inode's, InodeSizeOf of them. Unimplemented for compressed data and formats that are newer;
// IntegrityError for what no inode can say.
absl::StatusOr<ErofsInode> ParseInode(absl::Span<const char> bytes, const Superblock& superblock,
                                      uint64_t nid);

}  // namespace lacuna
