#include "registry/referrers.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/jitter.h"
#include "daemon/base/status.h"
#include "registry/blocking_send.h"
#include "registry/index_edit.h"
#include "registry/link_header.h"
#include "registry/url.h"

namespace lacuna {
namespace {

constexpr int kMaxPages = 100;
constexpr int kMaxWrites = 10;
constexpr std::chrono::seconds kTimeout(60);
// An entry stays when it was found so often, each time after longer than others take from reading the list to
// writing theirs, as a rule.
constexpr int kLooks = 2;
constexpr std::chrono::milliseconds kSettled(400);

std::string TagOf(const Digest& subject) {
  return absl::StrCat("sha256-", subject.hex());
}

absl::StatusOr<ImageIndex> ParseIndex(absl::string_view json) {
  ASSIGN_OR_RETURN(auto document, ParseManifest(json, kOciIndexType));
  auto* index = std::get_if<ImageIndex>(&document);
  if (index == nullptr) return absl::InvalidArgumentError("the list of referrers is no index");
  return std::move(*index);
}

// The path of the next page, below the API's root; nothing when this is the last. Wherever the link leads,
// the same registry is asked.
absl::StatusOr<std::optional<std::string>> NextPage(const HttpResponseHead& head, const std::string& path) {
  const std::optional<std::string> link = FindNextLink(head.Find("Link"));
  if (!link.has_value()) return std::nullopt;
  if (absl::StartsWith(*link, "?")) return absl::StrCat(path, *link);
  const size_t at = link->find(path);
  if (at != std::string::npos) return link->substr(at);
  return absl::UnknownError("the next page of the list is somewhere else");
}

absl::StatusOr<std::vector<Descriptor>> ListByApi(const Repository& repository, const Digest& subject,
                                                  const std::string& artifact_type) {
  const std::string path = absl::StrCat(repository.name, "/referrers/", subject.ToString());
  std::optional<std::string> next =
      artifact_type.empty() ? path : WithQuery(path, "artifactType", artifact_type);
  const TimePoint deadline = repository.registry->Now() + kTimeout;
  std::vector<Descriptor> all;
  for (int page = 0; next.has_value(); ++page) {
    if (page == kMaxPages)
      return absl::UnknownError(absl::StrCat("the list has more than ", kMaxPages, " pages"));
    RegistryRequest request{.capability = Capability::kResolve,
                            .path = *next,
                            .scope = repository.Scope("pull"),
                            .headers = {{"Accept", kOciIndexType}},
                            .deadline = deadline};
    ASSIGN_OR_RETURN(const HttpResponse response,
                     BlockingSend(*repository.registry, std::move(request), kMaxManifestBytes));
    ASSIGN_OR_RETURN(ImageIndex index, ParseIndex(response.body));
    std::move(index.manifests.begin(), index.manifests.end(), std::back_inserter(all));
    ASSIGN_OR_RETURN(next, NextPage(response.head, path));
  }
  return all;
}

// The index under the subject's tag; an empty one when there is none.
absl::StatusOr<std::string> ReadTag(const Repository& repository, const Digest& subject) {
  absl::StatusOr<ReadManifest> read = GetRawManifest(repository, TagOf(subject));
  if (absl::IsNotFound(read.status())) return EmptyIndex();
  if (!read.ok()) return read.status();
  if (std::holds_alternative<ImageIndex>(read->document)) return std::move(read->raw.bytes);
  return absl::InvalidArgumentError(
      absl::StrCat("the tag ", TagOf(subject), " is an image; a list of referrers belongs there"));
}

absl::StatusOr<std::vector<Descriptor>> ListByTag(const Repository& repository, const Digest& subject) {
  ASSIGN_OR_RETURN(const std::string json, ReadTag(repository, subject));
  ASSIGN_OR_RETURN(ImageIndex index, ParseIndex(json));
  return std::move(index.manifests);
}

bool Has(const ImageIndex& index, const Digest& digest) {
  return std::any_of(index.manifests.begin(), index.manifests.end(),
                     [&](const Descriptor& entry) { return entry.digest == digest; });
}

}  // namespace

absl::StatusOr<std::vector<Descriptor>> Referrers::List(const Repository& repository, const Digest& subject,
                                                        const std::string& artifact_type) const {
  absl::StatusOr<std::vector<Descriptor>> list = ListByApi(repository, subject, artifact_type);
  if (absl::IsNotFound(list.status())) list = ListByTag(repository, subject);
  if (!list.ok())
    return Annotate(list.status(), repository.Describe("list referrers of", subject.ToString()));
  // Not every registry filters.
  if (!artifact_type.empty()) {
    std::erase_if(*list, [&](const Descriptor& entry) { return entry.artifact_type != artifact_type; });
  }
  return list;
}

absl::Status Referrers::AddToTag(const Repository& repository, const Digest& subject,
                                 const Descriptor& referrer) const {
  return Annotate(Add(repository, subject, referrer),
                  repository.Describe("add a referrer to", subject.ToString()));
}

absl::Status Referrers::Add(const Repository& repository, const Digest& subject,
                            const Descriptor& referrer) const {
  std::vector<std::string> seen = {DescriptorJson(referrer)};  // all that belongs there
  int found = 0;                                               // in a row, since we wrote it
  for (int writes = 0;;) {
    ASSIGN_OR_RETURN(const std::string there, ReadTag(repository, subject));
    ASSIGN_OR_RETURN(const ImageIndex index, ParseIndex(there));
    if (Has(index, referrer.digest)) {
      if (writes == 0 || ++found == kLooks) return absl::OkStatus();
      sleep_(Jittered(kSettled));
      continue;
    }
    found = 0;
    if (writes++ == kMaxWrites) break;
    ASSIGN_OR_RETURN(std::string longer, WithEntries(there, seen));
    if (longer.size() > kMaxManifestBytes) {
      return absl::ResourceExhaustedError("the list of referrers would be larger than 4 MiB");
    }
    ASSIGN_OR_RETURN(seen, EntriesOf(longer));
    RETURN_IF_ERROR(
        PutManifest(repository, TagOf(subject), {kOciIndexType, std::move(longer)}, limits_, sleep_)
            .status());
    sleep_(Jittered(kSettled * writes));
  }
  return absl::UnavailableError("others keep replacing the list; try again");
}

Descriptor ReferrerOf(const ReadManifest& manifest) {
  Descriptor descriptor{.media_type = manifest.raw.media_type,
                        .digest = manifest.raw.digest(),
                        .size = manifest.raw.bytes.size()};
  if (const auto* image = std::get_if<Manifest>(&manifest.document)) {
    descriptor.artifact_type = image->artifact_type.empty() ? image->config.media_type : image->artifact_type;
    descriptor.annotations = image->annotations;
  } else {
    descriptor.artifact_type = std::get<ImageIndex>(manifest.document).artifact_type;
    descriptor.annotations = std::get<ImageIndex>(manifest.document).annotations;
  }
  return descriptor;
}

}  // namespace lacuna
