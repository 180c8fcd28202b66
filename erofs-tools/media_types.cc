#include "erofs-tools/media_types.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace lacuna {

std::optional<LayerCodec> LayerCodecOf(absl::string_view media_type) {
  absl::string_view rest = media_type;
  bool docker = false;
  if (absl::ConsumePrefix(&rest, "application/vnd.docker.image.rootfs.")) {
    docker = true;
    absl::ConsumePrefix(&rest, "foreign.");
    if (!absl::ConsumePrefix(&rest, "diff.tar")) return std::nullopt;
  } else {
    if (!absl::ConsumePrefix(&rest, "application/vnd.oci.image.layer.")) return std::nullopt;
    absl::ConsumePrefix(&rest, "nondistributable.");
    if (!absl::ConsumePrefix(&rest, "v1.tar")) return std::nullopt;
  }
  const absl::string_view separator = docker ? "." : "+";
  if (rest.empty()) return LayerCodec::kPlain;
  if (!absl::ConsumePrefix(&rest, separator)) return std::nullopt;
  if (rest == "gzip") return LayerCodec::kGzip;
  if (rest == "zstd") return LayerCodec::kZstd;
  return std::nullopt;
}

}  // namespace lacuna
