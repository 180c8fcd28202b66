// ParseFuseRequest over any bytes: no crash, and what parses stays within the message.
#include <cstdint>
#include <cstdlib>
#include <variant>

#include "cachefiles/fuse_wire.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::Span<const char> message(reinterpret_cast<const char*>(data), size);
  const auto request = lacuna::ParseFuseRequest(message);
  const auto unique = lacuna::FuseUniqueOf(message);
  if (!request.ok()) return 0;
  if (unique.has_value() && *unique != request->unique) std::abort();
  if (const auto* lookup = std::get_if<lacuna::FuseLookup>(&request->body)) {
    if (lookup->name.data() < message.data() || lookup->name.size() >= size) std::abort();
  }
  if (const auto* read = std::get_if<lacuna::FuseRead>(&request->body)) {
    if (read->size > lacuna::kFuseMaxRead || read->offset + read->size < read->offset) std::abort();
  }
  return 0;
}
