// The /dev/fuse protocol, daemon to kernel: what each reply says. Pure.
// Source: include/uapi/linux/fuse.h, protocol 7.31. FuseChannel puts fuse_out_header before these.
//
// Caller: FuseSession. Thread-safe: only functions of values.
#pragma once

#include <linux/fuse.h>

#include <cstdint>

#include "cachefiles/fuse_wire.h"
#include "cachefiles/object_key.h"

namespace lacuna {

// The protocol we speak. The kernel uses the lower of its own version and this one.
inline constexpr uint32_t kFuseMinor = 31;

// True when this kernel's protocol is one we can answer.
bool SpeaksOurFuse(const FuseInit& init);

fuse_init_out InitReply(const FuseInit& init);
// The directory that holds the objects.
fuse_attr_out RootAttrReply();
// An object of `size` bytes. It never changes, so the kernel may keep its attributes for good.
fuse_attr_out ObjectAttrReply(ObjectId id, uint64_t size);
fuse_entry_out LookupReply(ObjectId id, uint64_t size);
fuse_open_out OpenReply(uint64_t handle);
fuse_statfs_out StatfsReply();

}  // namespace lacuna
