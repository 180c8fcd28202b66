// Images in a folder: oci-layout, index.json and blobs/sha256/HEX.
// Source: OCI image-spec, image-layout.md.
//
// Callers: layout_image.h, on threads that may wait. Thread-safe, between processes too: a blob appears
// whole and verified, index.json changes at once, and two writers lose nothing of each other's.
//
// Errors read "oci:DIR: cause": NotFound for what is not there, IntegrityError for a blob that is not what
// its digest says, InvalidArgument for a folder or an index that is no layout.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "registry/manifest.h"
#include "registry/upload_body.h"

namespace lacuna {

// What "DIR[:TAG]" says. As skopeo has it the first colon ends DIR, because a tag may have more of them.
struct LayoutName {
  std::string folder;
  std::string tag;  // empty: none given
};
absl::StatusOr<LayoutName> ParseLayoutName(absl::string_view text);

class OciLayout {
 public:
  static absl::StatusOr<OciLayout> Open(const std::string& folder);
  // Makes one where there is nothing, or an empty folder. What has other things in it is left alone.
  static absl::StatusOr<OciLayout> OpenOrMake(const std::string& folder);

  const std::string& folder() const { return folder_; }

  // The entry called `tag`; without a tag the only one that is no artifact about others. Errors
  // list the tags.
  absl::StatusOr<Descriptor> Find(const std::string& tag) const;
  // All entries, with and without a tag.
  absl::StatusOr<std::vector<Descriptor>> ReadEntries() const;
  // A manifest's bytes, verified; at most 4 MiB.
  absl::StatusOr<std::string> ReadManifestBytes(const Descriptor& descriptor) const;
  // Any blob, verified: it is read once for that, and `progress`, if not empty, is told.
  absl::StatusOr<std::shared_ptr<HttpBody>> OpenBlob(const Descriptor& descriptor,
                                                     const BytesProgress& progress) const;
  // Of the size that the descriptor says, but nobody looked at the bytes.
  absl::StatusOr<std::shared_ptr<HttpBody>> OpenUnverified(const Descriptor& descriptor) const;
  // The same, as an answer: false when it is not there, or is something else.
  bool HasBlob(const Descriptor& descriptor) const;

  // In place of what may be there. IntegrityError when `content` is not what the descriptor says.
  absl::Status AddBlob(const Descriptor& descriptor, HttpBody& content, const BytesProgress& progress);
  // Lists an image, after all it is made of; an entry with the same `tag` goes.
  absl::Status AddToIndex(const Descriptor& descriptor, const std::string& tag);

 private:
  explicit OciLayout(std::string folder) : folder_(std::move(folder)) {}

  absl::StatusOr<std::string> ReadIndex() const;
  std::string BlobFolder() const;
  std::string BlobPath(const Digest& digest) const;
  absl::Status BlobError(const Descriptor& blob, const absl::Status& status) const;
  absl::Status Error(const absl::Status& status) const;

  std::string folder_;
};

}  // namespace lacuna
