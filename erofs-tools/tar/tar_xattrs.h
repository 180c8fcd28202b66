// Which extended attributes of a tar entry a file gets.
//
// Callers: erofs-tools/tar. Pure; safe from any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "erofs-tools/xattr.h"

namespace lacuna {

// A record "LIBARCHIVE.xattr.NAME=VALUE": the name is URL-encoded, the value base64, maybe without its final
// "=". Nothing where the value is no base64.
std::optional<Xattr> DecodeLibarchiveXattr(absl::string_view name, absl::string_view value);

// By name, each once; `schily` wins. Left out are names that Linux has no namespace for, and those that mean
// something to overlayfs: a layer must not say what another layer hides. InvalidArgument for an attribute
// that Linux has no room for (xattr(7): 255 bytes of name, 64 KiB of value).
absl::StatusOr<std::vector<Xattr>> ChooseXattrs(std::map<std::string, std::string> schily,
                                                std::map<std::string, std::string> libarchive);

}  // namespace lacuna
