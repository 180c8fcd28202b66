// TarReader over any bytes: no crash; what it passes on is the archive; every entry is as TarEntry promises;
// pieces of any length, and structure alone, give the same.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/erofs-tools/tar/tar_checks.h"

namespace {

void Check(const std::string& archive) {
  const std::string violation = lacuna::ViolationOf(archive, static_cast<uint32_t>(archive.size()));
  if (violation.empty()) return;
  std::fprintf(stderr, "%s\n", violation.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string archive(reinterpret_cast<const char*>(data), size);
  Check(archive);
  Check(lacuna::WithChecksums(archive));
  return 0;
}
