// Makes a freshly opened /dev/cachefiles an on-demand cache.
//
// Caller: CachefilesDoor::Start. Thread-safe: a function.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "cachefiles/cachefiles_device.h"
#include "cachefiles/cachefiles_wire.h"

namespace lacuna {

// `dir` exists. An error says what to do: Unimplemented for a kernel without the on-demand mode or a file
// system that cannot bear a cache, FailedPrecondition where an earlier cache is still in use. The device can
// only be closed after one.
absl::Status BindCachefiles(CachefilesDevice& device, const std::string& dir, const CachefilesLimits& limits);

}  // namespace lacuna
