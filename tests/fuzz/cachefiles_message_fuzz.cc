// ParseCachefilesMessage over any bytes: no crash, and what parses stays within the message.
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <variant>

#include "cachefiles/cachefiles_wire.h"

namespace {

bool Within(absl::string_view part, absl::Span<const char> whole) {
  return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::Span<const char> message(reinterpret_cast<const char*>(data), size);
  const auto request = lacuna::ParseCachefilesMessage(message);
  const lacuna::CachefilesDebt debt = lacuna::CachefilesDebtOf(message);
  using Kind = lacuna::CachefilesDebt::Kind;
  if (debt.kind != Kind::kOpen && debt.fd != -1) std::abort();
  if (!request.ok()) return 0;
  if (size > lacuna::kCachefilesMaxMessage) std::abort();
  if (debt.msg_id != request->msg_id || debt.object_id != request->object_id) std::abort();
  if (const auto* open = std::get_if<lacuna::CachefilesOpen>(&request->body)) {
    if (!Within(open->volume_key, message) || !Within(open->cookie_key, message)) std::abort();
    if (open->fd < 0 || debt.fd != open->fd || debt.kind != Kind::kOpen) std::abort();
  }
  if (const auto* read = std::get_if<lacuna::CachefilesRead>(&request->body)) {
    if (read->range.end() > std::numeric_limits<int64_t>::max() || debt.kind != Kind::kRead) std::abort();
    if (read->range.end() < read->range.offset) std::abort();
  }
  return 0;
}
