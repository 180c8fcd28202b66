// A file that has no name until it is complete: nobody sees half of it, and a program that dies leaves
// nothing behind.
//
// Used by one thread at a time.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

class PendingFile {
 public:
  // On the file system of `folder`, which must support O_TMPFILE or else gets a file with a passing name.
  static absl::StatusOr<PendingFile> In(const std::string& folder);
  PendingFile(PendingFile&&) = default;
  PendingFile& operator=(PendingFile&&) = delete;
  ~PendingFile();

  // Appends.
  absl::Status Write(absl::Span<const char> bytes);
  // Leaves the next bytes as a hole.
  absl::Status Skip(uint64_t bytes);
  // Puts it, on the disk for good, at `path` in the folder, in place of what may be there.
  absl::Status Commit(const std::string& path);
  // The file without a name; for reading what was written.
  absl::StatusOr<UniqueFd> Release();

 private:
  PendingFile(std::string folder, UniqueFd file, std::string name)
      : folder_(std::move(folder)), file_(std::move(file)), name_(std::move(name)) {}

  const std::string folder_;
  UniqueFd file_;
  std::string name_;  // where it is meanwhile; empty: nowhere
};

}  // namespace lacuna
