#include "registry/image_store.h"

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {

absl::StatusOr<std::string> ReadSmallBlob(ImageSource& source, const Descriptor& descriptor,
                                          uint64_t max_bytes) {
  const std::string name = descriptor.digest.ToString();
  if (descriptor.size > max_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": has ", descriptor.size, " bytes, more than the ", max_bytes, " allowed"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<BlobReader> reader, source.StreamBlob(descriptor));
  std::string bytes;
  while (true) {
    ASSIGN_OR_RETURN(const absl::Span<const char> piece, reader->Next());
    if (piece.empty()) break;
    bytes.append(piece.data(), piece.size());
  }
  if (const absl::Status fits = CheckBytes(bytes, descriptor); !fits.ok()) return Annotate(fits, name);
  return bytes;
}

}  // namespace lacuna
