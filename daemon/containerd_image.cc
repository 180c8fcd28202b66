#include "daemon/containerd_image.h"

#include <algorithm>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/tar_layers.h"
#include "registry/image_config.h"

namespace lacuna {
namespace {

// Labels of containerd's (containerd, docs/content-flow.md): of a manifest, the digest of its config; of
// anything that was pulled, HOST behind the dot and the repositories there, with commas between.
constexpr char kConfigLabel[] = "containerd.io/gc.ref.content.config";
constexpr absl::string_view kSourceLabel = "containerd.io/distribution.source.";

absl::StatusOr<std::vector<Digest>> ChainIdsOf(const ContainerdContent::Blob& manifest,
                                               const std::string& containerd_namespace,
                                               ContainerdContent& content) {
  const auto label = manifest.labels.find(kConfigLabel);
  if (label == manifest.labels.end()) return absl::NotFoundError("no config");
  ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(label->second));
  ASSIGN_OR_RETURN(const std::string json, content.Read(containerd_namespace, digest, kMaxConfigBytes));
  ASSIGN_OR_RETURN(const ImageConfig config, ParseImageConfig(json));
  return ChainIds(config.diff_ids);
}

// "HOST/REPOSITORY", or nothing.
std::string SourceOf(const ContainerdContent::Blob& manifest) {
  for (const auto& [label, repositories] : manifest.labels) {
    absl::string_view host = label;
    if (!absl::ConsumePrefix(&host, kSourceLabel) || repositories.empty()) continue;
    const std::vector<absl::string_view> names = absl::StrSplit(repositories, ',');
    return absl::StrCat(host, "/", names.front());
  }
  return "";
}

}  // namespace

absl::StatusOr<LabeledLayer> FindImageOf(const std::string& chain_id, const std::string& containerd_namespace,
                                         ContainerdContent& content) {
  ASSIGN_OR_RETURN(const std::vector<ContainerdContent::Blob> manifests,
                   content.Manifests(containerd_namespace));
  for (const ContainerdContent::Blob& manifest : manifests) {
    const absl::StatusOr<std::vector<Digest>> chain_ids = ChainIdsOf(manifest, containerd_namespace, content);
    // What is no image, or not all there yet, is not the one.
    if (!chain_ids.ok()) {
      LogDebug("manifest ", manifest.digest.ToString(), " of containerd's: ", chain_ids.status().message());
      continue;
    }
    const bool has_it =
        absl::c_any_of(*chain_ids, [&](const Digest& id) { return id.ToString() == chain_id; });
    const std::string source = has_it ? SourceOf(manifest) : "";
    if (source.empty()) continue;
    return LabeledLayer{.reference = absl::StrCat(source, "@", manifest.digest.ToString()),
                        .manifest_digest = manifest.digest};
  }
  return absl::NotFoundError(
      "no label names the image, and containerd has none with that layer whose origin it knows");
}

}  // namespace lacuna
