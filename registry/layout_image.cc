#include "registry/layout_image.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr size_t kPiece = 1024 * 1024;

class FileReader : public BlobReader {
 public:
  explicit FileReader(std::shared_ptr<HttpBody> file) : file_(std::move(file)), piece_(kPiece) {}

  absl::StatusOr<absl::Span<const char>> Next() override {
    const uint64_t left = file_->size() - at_;
    if (left == 0) return absl::Span<const char>();
    const auto room = absl::MakeSpan(piece_).first(std::min<uint64_t>(left, piece_.size()));
    ASSIGN_OR_RETURN(const size_t got, file_->ReadAt(at_, room));
    at_ += got;
    return room.first(got);
  }

 private:
  const std::shared_ptr<HttpBody> file_;
  std::vector<char> piece_;
  uint64_t at_ = 0;
};

Descriptor DescriptorOf(const ReadManifest& manifest) {
  return {.media_type = manifest.raw.media_type,
          .digest = manifest.raw.digest(),
          .size = manifest.raw.bytes.size(),
          .artifact_type =
              std::visit([](const auto& document) { return document.artifact_type; }, manifest.document)};
}

}  // namespace

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

absl::StatusOr<std::unique_ptr<BlobReader>> LayoutImageSource::StreamBlob(const Descriptor& descriptor) {
  ASSIGN_OR_RETURN(std::shared_ptr<HttpBody> file, layout_.OpenUnverified(descriptor));
  return std::make_unique<FileReader>(std::move(file));
}

absl::StatusOr<std::vector<Descriptor>> LayoutImageSource::ListReferrers(const Digest& subject,
                                                                         const std::string& artifact_type) {
  ASSIGN_OR_RETURN(std::vector<Descriptor> entries, layout_.ReadEntries());
  std::vector<Descriptor> found;
  for (Descriptor& entry : entries) {
    if (entry.artifact_type != artifact_type) continue;
    const absl::StatusOr<ReadManifest> manifest = ReadByDescriptor(entry);
    if (!manifest.ok()) continue;  // a broken one says nothing about this image
    const auto about = std::visit([](const auto& document) { return document.subject; }, manifest->document);
    if (about.has_value() && about->digest == subject) found.push_back(std::move(entry));
  }
  return found;
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

absl::Status LayoutImageTarget::PutReferrer(const ReadManifest& manifest) {
  RETURN_IF_ERROR(PutManifest(manifest.raw));
  return layout_.AddToIndex(DescriptorOf(manifest), /*tag=*/"");
}

absl::Status LayoutImageTarget::PutRoot(const ReadManifest& manifest) {
  RETURN_IF_ERROR(PutManifest(manifest.raw));
  return layout_.AddToIndex(DescriptorOf(manifest), tag_);
}

}  // namespace lacuna
