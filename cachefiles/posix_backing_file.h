// A BackingFile on the local disk: one sparse file, read and written with pread and pwrite.
//
// Callers: ObjectStore opens them; the engine and the doors use them as BackingFile. Thread-safe. The path
// may be renamed or unlinked meanwhile: the descriptor goes on working.
//
// Nothing is ever reserved: fallocate and ZERO_RANGE make unwritten extents, which file systems report as
// data once they are in the page cache (DESIGN.md section 5).
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cachefiles/backing_file.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

class PosixBackingFile : public BackingFile {
 public:
  // An existing regular file, for reading and writing. NotFound when there is none; FailedPrecondition for
  // anything that is not a regular file.
  static absl::StatusOr<std::unique_ptr<PosixBackingFile>> Open(const std::string& path);
  // A new file, all hole, of `size` bytes. AlreadyExists; ResourceExhausted; on an error no file is left.
  static absl::StatusOr<std::unique_ptr<PosixBackingFile>> Create(const std::string& path, uint64_t size);

  absl::Status WriteAt(uint64_t offset, absl::Span<const char> bytes) override;
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) override;
  absl::Status Sync() override;
  absl::Status PunchHole(const ByteRange& range) override;

  // The file's length in bytes.
  absl::StatusOr<uint64_t> Size() const;
  // A second open file description of the same file, for reading.
  absl::StatusOr<UniqueFd> Reopen() const;
  // At the time of opening, for messages.
  const std::string& path() const { return path_; }

 private:
  PosixBackingFile(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  absl::Status Error(absl::string_view what, const ByteRange& range) const;

  const std::string path_;
  const UniqueFd fd_;
};

}  // namespace lacuna
