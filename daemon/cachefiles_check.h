// Whether this host has the kernel's on-demand caching (/dev/cachefiles and EROFS over it), and if not, why.
//
// Called by host_check. Opens the device for a moment: whoever opens it at that instant is told that it is
// busy.
#pragma once

#include <string>

#include "daemon/host_check.h"

namespace lacuna {

// The device is looked for in `dev_dir`. Never worse than kOk: where the cachefiles door is missing, fuse
// serves.
HostCheck CheckCachefiles(const std::string& dev_dir);

}  // namespace lacuna
