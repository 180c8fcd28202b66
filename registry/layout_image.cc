#include "registry/layout_image.h"

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {

absl::StatusOr<ReadManifest> LayoutImageSource::ReadRoot() {
  ASSIGN_OR_RETURN(const Descriptor descriptor, layout_.Find(tag_));
  return ReadByDescriptor(descriptor);
}

absl::StatusOr<ReadManifest> LayoutImageSource::ReadByDescriptor(const Descriptor& descriptor) {
  ASSIGN_OR_RETURN(std::string bytes, layout_.ReadManifestBytes(descriptor));
  absl::StatusOr<ReadManifest> manifest = ParseRawManifest(std::move(bytes), descriptor.media_type);
  if (manifest.ok()) return manifest;
  return Annotate(manifest.status(),
                  absl::StrCat("oci:", layout_.folder(), ": ", descriptor.digest.ToString()));
}

absl::StatusOr<std::shared_ptr<HttpBody>> LayoutImageSource::OpenBlob(const Descriptor& descriptor,
                                                                      const std::string& /*scratch*/,
                                                                      const BytesProgress& progress) {
  return layout_.OpenBlob(descriptor, progress);
}

absl::StatusOr<BlobPush> LayoutImageTarget::PutBlob(const Descriptor& descriptor,
                                                    const ImagePusher::Open& open,
                                                    const std::optional<Repository>& /*source*/,
                                                    const BytesProgress& progress) {
  if (layout_.HasBlob(descriptor)) return BlobPush::kPresent;
  ASSIGN_OR_RETURN(const std::shared_ptr<HttpBody> content, open());
  RETURN_IF_ERROR(layout_.AddBlob(descriptor, *content, progress));
  return BlobPush::kSent;
}

absl::Status LayoutImageTarget::PutManifest(const RawManifest& manifest) {
  MemoryBody body(manifest.bytes);
  return layout_.AddBlob({.digest = manifest.digest(), .size = manifest.bytes.size()}, body, nullptr);
}

absl::Status LayoutImageTarget::PutRoot(const ReadManifest& manifest) {
  RETURN_IF_ERROR(PutManifest(manifest.raw));
  const Descriptor descriptor{
      .media_type = manifest.raw.media_type,
      .digest = manifest.raw.digest(),
      .size = manifest.raw.bytes.size(),
      .artifact_type =
          std::visit([](const auto& document) { return document.artifact_type; }, manifest.document)};
  return layout_.AddToIndex(descriptor, tag_);
}

}  // namespace lacuna
