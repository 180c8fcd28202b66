// Bodies of a push: a file, bytes in memory, and a piece of another body whose sending can be watched.
//
// Made by a pusher's caller or the pusher, read by the transport on its thread. A FileBody and a MemoryBody
// may be used by several threads at once, a BodyPiece by one transfer.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "daemon/base/digest.h"
#include "daemon/base/unique_fd.h"
#include "registry/http_transport.h"

namespace lacuna {

class FileBody : public HttpBody {
 public:
  // InvalidArgument unless `path` is a regular file. Its size is taken now.
  static absl::StatusOr<std::shared_ptr<FileBody>> Open(const std::string& path);
  // Of a file that is open for reading; `path` is for messages.
  static absl::StatusOr<std::shared_ptr<FileBody>> Of(UniqueFd file, const std::string& path);

  uint64_t size() const override { return size_; }
  // IntegrityError when the file has become shorter since.
  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> out) override;

 private:
  FileBody(std::string path, UniqueFd file, uint64_t size)
      : path_(std::move(path)), file_(std::move(file)), size_(size) {}

  const std::string path_;
  const UniqueFd file_;
  const uint64_t size_;  // bytes
};

class MemoryBody : public HttpBody {
 public:
  explicit MemoryBody(std::string bytes) : bytes_(std::move(bytes)) {}
  uint64_t size() const override { return bytes_.size(); }
  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> out) override;

 private:
  const std::string bytes_;
};

// Told how many bytes of the whole are behind: read, or handed to the network. Goes back when a body is sent
// again.
using BytesProgress = std::function<void(uint64_t bytes)>;

class BodyPiece : public HttpBody {
 public:
  // `length` bytes of `whole` from `offset` on, all within it. `progress` is called on the reading thread.
  BodyPiece(std::shared_ptr<HttpBody> whole, uint64_t offset, uint64_t length, BytesProgress progress)
      : whole_(std::move(whole)), offset_(offset), length_(length), progress_(std::move(progress)) {}

  uint64_t size() const override { return length_; }
  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> out) override;

 private:
  const std::shared_ptr<HttpBody> whole_;
  const uint64_t offset_;
  const uint64_t length_;
  const BytesProgress progress_;
};

// The digest of all of `body`, in one pass.
absl::StatusOr<Digest> DigestOf(HttpBody& body, const BytesProgress& progress);

}  // namespace lacuna
