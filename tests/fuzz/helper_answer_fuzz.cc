// ParseHelperAnswer: never throws or crashes; gives a user or an identity token, and one text for all else.
#include <cstdint>
#include <cstdlib>

#include "registry/helper_protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = lacuna::ParseHelperAnswer({reinterpret_cast<const char*>(data), size});
  if (!parsed.ok()) {
    if (parsed.status().message() != "its answer is no JSON object with Username and Secret") std::abort();
    return 0;
  }
  if (!parsed->registry_token.empty() || parsed->username == "<token>") std::abort();
  if (!parsed->identity_token.empty() && (!parsed->username.empty() || !parsed->password.empty()))
    std::abort();
  return 0;
}
