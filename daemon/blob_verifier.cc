#include "daemon/blob_verifier.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr uint64_t kPiece = 1024 * 1024;

}  // namespace

BlobVerifier::BlobVerifier(std::shared_ptr<BackingFile> data, Digest digest, uint64_t size)
    : data_(std::move(data)), digest_(std::move(digest)), size_(size), buffer_(std::min(size, kPiece)) {}

absl::StatusOr<bool> BlobVerifier::Step() {
  const uint64_t length = std::min(size_ - offset_, kPiece);
  const absl::Span<char> piece = absl::MakeSpan(buffer_).subspan(0, length);
  RETURN_IF_ERROR(data_->ReadAt(offset_, piece));
  hasher_.Update(piece);
  offset_ += length;
  if (offset_ < size_) return false;
  const Digest actual = hasher_.Finish();
  if (actual == digest_) return true;
  return IntegrityError(absl::StrCat("the registry's bytes are ", actual.ToString(),
                                     ", not what their digest ", digest_.ToString(), " names"));
}

}  // namespace lacuna
