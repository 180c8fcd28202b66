// The namespaces of extended attributes, which EROFS keeps as a number instead of the name's beginning.
// Source: EROFS_XATTR_INDEX_* in fs/erofs/erofs_fs.h (Linux 6.18).
//
// Callers: the EROFS writer and reader. Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace lacuna {

struct SplitXattrName {
  uint8_t prefix = 0;
  absl::string_view rest;  // of the name given
};

// None for a namespace that EROFS has no number for, and for a name that is nothing but a namespace.
std::optional<SplitXattrName> SplitXattrPrefix(absl::string_view name);

// "user." and so on; none for a number that has no meaning.
std::optional<absl::string_view> XattrPrefixText(uint8_t prefix);

}  // namespace lacuna
