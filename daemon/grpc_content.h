// containerd's content store over its gRPC API (containerd_content.h).
#pragma once

#include <memory>
#include <string>

#include "daemon/containerd_content.h"

namespace lacuna {

// Of the containerd that listens at `socket_path`, which need not be there yet: each call connects if need
// be, and ends within seconds.
std::unique_ptr<ContainerdContent> MakeGrpcContent(const std::string& socket_path);

}  // namespace lacuna
