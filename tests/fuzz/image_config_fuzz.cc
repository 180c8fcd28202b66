// ParseImageConfig: never throws or crashes; every diffID it gives is one.
#include <cstdint>
#include <cstdlib>

#include "registry/image_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto config = lacuna::ParseImageConfig({reinterpret_cast<const char*>(data), size});
  if (!config.ok()) return 0;
  for (const lacuna::Digest& diff_id : config->diff_ids) {
    if (diff_id.empty()) std::abort();
  }
  return 0;
}
