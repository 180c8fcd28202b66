// Reads small files that hold secrets.
//
// Callers: auth_file, credential_store. Pure but for the reading; safe from any thread. Errors name the file,
// never what is in it.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace lacuna {

// All of a regular file (also behind links). NotFound, PermissionDenied; InvalidArgument when it is larger
// than `max_bytes`, or is a pipe or a device, which could keep the reader waiting for ever.
absl::StatusOr<std::string> ReadSecretFile(const std::string& path, size_t max_bytes);

// A password: the file's first line, without its end. InvalidArgument when that is empty.
absl::StatusOr<std::string> ReadPasswordFile(const std::string& path);

}  // namespace lacuna
