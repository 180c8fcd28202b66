// What an image's config says of its layers.
// Source: OCI image-spec, config.md.
//
// Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/digest.h"
#include "registry/platform.h"

namespace lacuna {

// Larger ones are refused unread.
inline constexpr uint64_t kMaxConfigBytes = 4 * 1024 * 1024;

struct ImageConfig {
  Platform platform;
  std::vector<Digest> diff_ids;  // of the layers' tars, the lowest first
};

// InvalidArgument names the field that is wrong.
absl::StatusOr<ImageConfig> ParseImageConfig(absl::string_view json);

}  // namespace lacuna
