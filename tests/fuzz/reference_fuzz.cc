// ParseReference: what it accepts, its canonical form means the same, and lengths are bounded.
#include <cstdint>
#include <cstdlib>

#include "registry/reference.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<lacuna::Reference> reference = lacuna::ParseReference(text);
  if (!reference.ok()) {
    if (reference.status().message().size() > 2000) std::abort();
    return 0;
  }
  const absl::StatusOr<lacuna::Reference> again = lacuna::ParseReference(ToString(*reference));
  if (!again.ok() || *again != *reference) std::abort();
  if (reference->repository.size() > 255 || reference->tag.size() > 128) std::abort();
  if (reference->TagOrDigest().empty() || lacuna::BaseUrl(*reference, false).empty()) std::abort();
  return 0;
}
