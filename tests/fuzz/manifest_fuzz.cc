// ParseManifest: never throws or crashes; a manifest it accepts is written and read back the same, and may be
// an index artifact; an image index can be selected from.
#include <cstdint>
#include <cstdlib>

#include "registry/index_artifact.h"
#include "registry/manifest.h"

namespace lacuna {
namespace {

void Check(const Manifest& manifest) {
  for (const Descriptor& layer : manifest.layers) {
    if (layer.digest.empty() || layer.size > INT64_MAX) std::abort();
  }
  const auto again = ParseManifest(ManifestJson(manifest), "");
  if (!again.ok() || std::get<Manifest>(*again) != manifest) std::abort();
  const auto artifact = ParseIndexArtifact({{kOciManifestType, ""}, manifest});
  if (artifact.ok() && artifact->indexes.size() > manifest.layers.size()) std::abort();
}

void Check(const ImageIndex& index) {
  const absl::StatusOr<Descriptor> chosen = SelectPlatform(index, {"linux", "amd64", ""});
  if (!chosen.ok() && chosen.status().message().size() > 10'000) std::abort();
}

}  // namespace
}  // namespace lacuna

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view json(reinterpret_cast<const char*>(data), size);
  for (const char* type : {"", lacuna::kOciManifestType, lacuna::kOciIndexType}) {
    const auto parsed = lacuna::ParseManifest(json, type);
    if (parsed.ok()) std::visit([](const auto& document) { lacuna::Check(document); }, *parsed);
  }
  return 0;
}
