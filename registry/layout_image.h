// An image in an OCI image layout as an end of a copy.
//
// Made by lacuna-image; used by one thread that may wait.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "registry/image_store.h"
#include "registry/oci_layout.h"

namespace lacuna {

class LayoutImageSource : public ImageSource {
 public:
  LayoutImageSource(OciLayout layout, std::string tag) : layout_(std::move(layout)), tag_(std::move(tag)) {}

  absl::StatusOr<ReadManifest> ReadRoot() override;
  absl::StatusOr<ReadManifest> ReadByDescriptor(const Descriptor& descriptor) override;
  absl::StatusOr<std::shared_ptr<HttpBody>> OpenBlob(const Descriptor& descriptor, const std::string& scratch,
                                                     const BytesProgress& progress) override;
  absl::StatusOr<std::unique_ptr<BlobReader>> StreamBlob(const Descriptor& descriptor) override;
  absl::StatusOr<std::vector<Descriptor>> ListReferrers(const Digest& subject,
                                                        const std::string& artifact_type) override;

 private:
  const OciLayout layout_;
  const std::string tag_;
};

class LayoutImageTarget : public ImageTarget {
 public:
  LayoutImageTarget(OciLayout layout, std::string tag) : layout_(std::move(layout)), tag_(std::move(tag)) {}

  absl::StatusOr<BlobPush> PutBlob(const Descriptor& descriptor, const ImagePusher::Open& open,
                                   const std::optional<Repository>& source,
                                   const BytesProgress& progress) override;
  absl::Status PutManifest(const RawManifest& manifest) override;
  absl::Status PutReferrer(const ReadManifest& manifest) override;
  absl::Status PutRoot(const ReadManifest& manifest) override;
  std::string scratch() const override { return layout_.folder(); }

 private:
  OciLayout layout_;
  const std::string tag_;
};

}  // namespace lacuna
