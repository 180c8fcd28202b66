// Hashes a complete object and compares it with the digest that names its blob, piece by piece, so that on
// the worker pool the chunks of waiting readers get their turn in between.
//
// Made by BlobSource. See ObjectVerifier.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "cachefiles/backing_file.h"
#include "daemon/base/digest.h"
#include "daemon/chunk_source.h"

namespace lacuna {

class BlobVerifier : public ObjectVerifier {
 public:
  // The first `size` bytes of `data` are to be the blob that `digest` names.
  BlobVerifier(std::shared_ptr<BackingFile> data, Digest digest, uint64_t size);

  absl::StatusOr<bool> Step() override;

 private:
  const std::shared_ptr<BackingFile> data_;
  const Digest digest_;
  const uint64_t size_;
  uint64_t offset_ = 0;
  Sha256 hasher_;
  std::vector<char> buffer_;
};

}  // namespace lacuna
