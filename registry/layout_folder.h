// The files of an OCI image layout that are not blobs: what makes a folder one, and changes to them.
// Source: OCI image-spec, image-layout.md.
//
// Caller: oci_layout.h. Safe from any thread, and between processes.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

inline constexpr char kLayoutIndex[] = "index.json";

// NotFound when nothing is there; InvalidArgument when it is no layout, or of a version that is not known.
absl::Status CheckLayout(const std::string& folder);

// An empty layout, where nothing is or an empty folder. A layout that is there stays as it is, and anything
// else is refused.
absl::Status MakeLayout(const std::string& folder);

// Nobody else who asks for the lock changes the folder while the result lives.
absl::StatusOr<UniqueFd> LockLayout(const std::string& folder);

// All of a file. InvalidArgument when it has more than `max_bytes`.
absl::StatusOr<std::string> ReadBounded(const std::string& path, uint64_t max_bytes);

// In place of what may be there, at once.
absl::Status PutLayoutFile(const std::string& folder, const std::string& name, absl::string_view bytes);

}  // namespace lacuna
