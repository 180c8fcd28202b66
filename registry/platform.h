// Operating system and processor of an image, by OCI's names, and which of an index's images suits a machine.
// Source: OCI image-spec, image-index.md, "platform"; containerd's platforms package for aliases and
// variants.
//
// Pure functions and values; safe from any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lacuna {

struct Platform {
  std::string os;            // "linux"
  std::string architecture;  // "amd64", "arm64", "arm"
  std::string variant;       // "v7"; empty for the architecture's usual one (amd64 v1, arm64 v8)

  friend bool operator==(const Platform&, const Platform&) = default;
};

// "linux/arm/v7".
std::string ToString(const Platform& platform);

// "os/arch[/variant]", with uname's names for architectures too (x86_64, aarch64). InvalidArgument says what
// is expected.
absl::StatusOr<Platform> ParsePlatform(absl::string_view text);

// Of the machine this runs on.
Platform HostPlatform();

// The same platform in OCI's spelling: aliases resolved, the usual variant left out ("arm" always has one).
Platform Normalize(Platform platform);

// How well an image for `offered` suits `wanted`; both are normalized. 0: not at all; of two others the
// higher suits better. A lower variant of the architecture runs too: v8 takes v8, amd64/v3 takes v3, v2, v1.
int Suitability(const Platform& wanted, const Platform& offered);

}  // namespace lacuna
