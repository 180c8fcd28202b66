// ParseTokenAnswer: never throws or crashes; a token it accepts fits a header, its lifetime is within bounds,
// and an error is one of a few fixed texts: nothing of the answer is in it.
#include <cstdint>
#include <cstdlib>

#include "registry/credentials.h"
#include "registry/token_answer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = lacuna::ParseTokenAnswer({reinterpret_cast<const char*>(data), size});
  if (!parsed.ok()) {
    if (parsed.status().message().size() > 60) std::abort();
    return 0;
  }
  if (!lacuna::IsBearerToken(parsed->token)) std::abort();
  if (parsed->lifetime < lacuna::kMinTokenLifetime || parsed->lifetime > lacuna::kMaxTokenLifetime)
    std::abort();
  return 0;
}
