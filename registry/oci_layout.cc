#include "registry/oci_layout.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/escape.h"
#include "daemon/base/status.h"
#include "daemon/base/unique_fd.h"
#include "registry/index_edit.h"
#include "registry/layout_folder.h"
#include "registry/pending_file.h"
#include "registry/raw_manifest.h"

namespace lacuna {
namespace {

constexpr size_t kPiece = 1024 * 1024;
constexpr size_t kMaxTagsShown = 20;

std::optional<std::string> TagOf(const Descriptor& entry) {
  const auto name = entry.annotations.find(kRefName);
  if (name == entry.annotations.end()) return std::nullopt;
  return name->second;
}

std::string TagsOf(const std::vector<Descriptor>& entries) {
  std::vector<std::string> tags;
  for (const Descriptor& entry : entries) {
    if (const std::optional<std::string> tag = TagOf(entry)) tags.push_back(EscapeForTerminal(*tag));
  }
  if (tags.empty()) return "none of its images has a tag";
  const size_t more = tags.size() - std::min(tags.size(), kMaxTagsShown);
  tags.resize(tags.size() - more);
  return absl::StrCat("its tags: ", absl::StrJoin(tags, ", "),
                      more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

}  // namespace

absl::StatusOr<LayoutName> ParseLayoutName(absl::string_view text) {
  const size_t colon = text.find(':');
  LayoutName name{.folder = std::string(text.substr(0, colon))};
  if (name.folder.empty()) return absl::InvalidArgumentError("no folder is named; write oci:DIR[:TAG]");
  if (colon == absl::string_view::npos) return name;
  name.tag = std::string(text.substr(colon + 1));
  if (name.tag.empty()) return absl::InvalidArgumentError("the tag is empty; write oci:DIR or oci:DIR:TAG");
  return name;
}

absl::StatusOr<OciLayout> OciLayout::Open(const std::string& folder) {
  OciLayout layout(folder);
  RETURN_IF_ERROR(layout.Error(CheckLayout(folder)));
  return layout;
}

absl::StatusOr<OciLayout> OciLayout::OpenOrMake(const std::string& folder) {
  OciLayout layout(folder);
  RETURN_IF_ERROR(layout.Error(MakeLayout(folder)));
  return layout;
}

absl::StatusOr<Descriptor> OciLayout::Find(const std::string& tag) const {
  ASSIGN_OR_RETURN(const std::vector<Descriptor> entries, ReadEntries());
  std::vector<Descriptor> found;
  for (const Descriptor& entry : entries) {
    if (tag.empty() ? TagOf(entry).has_value() || entry.artifact_type.empty() : TagOf(entry) == tag) {
      found.push_back(entry);
    }
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return Error(absl::NotFoundError(tag.empty()
                                         ? "it has no images; there is nothing to copy"
                                         : absl::StrCat("it has no image ", tag, "; ", TagsOf(entries))));
  }
  return Error(absl::InvalidArgumentError(
      tag.empty()
          ? absl::StrCat("it has ", found.size(), " images; name one as oci:DIR:TAG, ", TagsOf(entries))
          : absl::StrCat("it has ", found.size(), " images of the tag ", tag,
                         "; give each a tag of its own")));
}

absl::StatusOr<std::vector<Descriptor>> OciLayout::ReadEntries() const {
  const absl::StatusOr<std::string> text = ReadIndex();
  if (!text.ok()) return Error(text.status());
  auto document = ParseManifest(*text, kOciIndexType);
  if (!document.ok()) return Error(Annotate(document.status(), kLayoutIndex));
  auto* index = std::get_if<ImageIndex>(&*document);
  if (index == nullptr) return Error(absl::InvalidArgumentError("index.json: it is no index"));
  return std::move(index->manifests);
}

absl::StatusOr<std::string> OciLayout::ReadManifestBytes(const Descriptor& descriptor) const {
  absl::StatusOr<std::string> bytes = ReadBounded(BlobPath(descriptor.digest), kMaxManifestBytes);
  const absl::Status status = bytes.ok() ? CheckBytes(*bytes, descriptor) : bytes.status();
  if (status.ok()) return bytes;
  return BlobError(descriptor, status);
}

absl::StatusOr<std::shared_ptr<HttpBody>> OciLayout::OpenUnverified(const Descriptor& descriptor) const {
  absl::StatusOr<std::shared_ptr<FileBody>> file = FileBody::Open(BlobPath(descriptor.digest));
  if (!file.ok()) return BlobError(descriptor, file.status());
  if ((*file)->size() == descriptor.size) return *std::move(file);
  return BlobError(descriptor, IntegrityError(absl::StrCat("has ", (*file)->size(),
                                                           " bytes, its descriptor says ", descriptor.size)));
}

absl::StatusOr<std::shared_ptr<HttpBody>> OciLayout::OpenBlob(const Descriptor& descriptor,
                                                              const BytesProgress& progress) const {
  ASSIGN_OR_RETURN(std::shared_ptr<HttpBody> file, OpenUnverified(descriptor));
  const absl::StatusOr<Digest> got = DigestOf(*file, progress);
  if (!got.ok()) return BlobError(descriptor, got.status());
  if (*got == descriptor.digest) return file;
  return BlobError(descriptor, IntegrityError(absl::StrCat("the bytes have digest ", got->ToString())));
}

bool OciLayout::HasBlob(const Descriptor& descriptor) const {
  return OpenBlob(descriptor, nullptr).ok();
}

absl::Status OciLayout::AddBlob(const Descriptor& descriptor, HttpBody& content,
                                const BytesProgress& progress) {
  const auto add = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(PendingFile file, PendingFile::In(BlobFolder()));
    Sha256 hasher;
    std::vector<char> piece(kPiece);
    for (uint64_t at = 0; at < content.size();) {
      ASSIGN_OR_RETURN(const size_t got, content.ReadAt(at, absl::MakeSpan(piece)));
      RETURN_IF_ERROR(file.Write(absl::MakeConstSpan(piece).first(got)));
      hasher.Update(absl::MakeConstSpan(piece).first(got));
      at += got;
      if (progress) progress(at);
    }
    if (content.size() != descriptor.size || hasher.Finish() != descriptor.digest) {
      return IntegrityError("the bytes are not those of its descriptor");
    }
    return file.Commit(BlobPath(descriptor.digest));
  };
  return BlobError(descriptor, add());
}

absl::Status OciLayout::AddToIndex(const Descriptor& descriptor, const std::string& tag) {
  const auto add = [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const UniqueFd lock, LockLayout(folder_));
    ASSIGN_OR_RETURN(const std::string index, ReadIndex());
    const absl::StatusOr<std::string> longer = WithNamedEntry(index, descriptor, tag);
    if (!longer.ok()) return Annotate(longer.status(), kLayoutIndex);
    if (longer->size() > kMaxManifestBytes) {
      return absl::ResourceExhaustedError("index.json would be larger than 4 MiB; use another folder");
    }
    return PutLayoutFile(folder_, kLayoutIndex, *longer);
  };
  return Error(add());
}

absl::StatusOr<std::string> OciLayout::ReadIndex() const {
  absl::StatusOr<std::string> index =
      ReadBounded(absl::StrCat(folder_, "/", kLayoutIndex), kMaxManifestBytes);
  if (index.ok()) return index;
  return Annotate(index.status(), kLayoutIndex);
}

std::string OciLayout::BlobFolder() const {
  return absl::StrCat(folder_, "/blobs/sha256");
}

std::string OciLayout::BlobPath(const Digest& digest) const {
  return absl::StrCat(BlobFolder(), "/", digest.hex());
}

absl::Status OciLayout::BlobError(const Descriptor& blob, const absl::Status& status) const {
  return Error(Annotate(status, blob.digest.ToString()));
}

absl::Status OciLayout::Error(const absl::Status& status) const {
  return Annotate(status, absl::StrCat("oci:", folder_));
}

}  // namespace lacuna
