#include "registry/raw_manifest.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "registry/blocking_send.h"

namespace lacuna {
namespace {

constexpr std::chrono::seconds kTimeout(60);

absl::Status CheckDigest(const Digest& got, absl::string_view expected) {
  if (got.ToString() == expected) return absl::OkStatus();
  return IntegrityError(absl::StrCat("the bytes have digest ", got.ToString(), ", expected ", expected));
}

// Whatever a mirror has in its place, the registry may have the manifest: `expected` is empty for a tag.
absl::Status CheckAnswer(const HttpResponse& answer, absl::string_view expected) {
  const Digest got = Digest::Of(answer.body);
  if (!expected.empty()) RETURN_IF_ERROR(CheckDigest(got, expected));
  const absl::string_view claimed = answer.head.Find("Docker-Content-Digest");
  if (absl::StartsWith(claimed, "sha256:")) {
    RETURN_IF_ERROR(Annotate(CheckDigest(got, claimed), "Docker-Content-Digest"));
  }
  return ParseManifest(answer.body, answer.head.Find("Content-Type")).status();
}

absl::StatusOr<ReadManifest> Get(const Repository& repository, const std::string& tag_or_digest,
                                 TimePoint deadline) {
  const bool by_digest = absl::StrContains(tag_or_digest, ':');
  RegistryRequest request{.capability = by_digest ? Capability::kPull : Capability::kResolve,
                          .path = repository.ManifestPath(tag_or_digest),
                          .scope = repository.Scope("pull"),
                          .headers = {{"Accept", absl::StrJoin({kOciManifestType, kOciIndexType,
                                                                kDockerManifestType, kDockerListType},
                                                               ", ")}},
                          .deadline = deadline};
  const auto check = [&](const HttpResponse& answer) {
    return CheckAnswer(answer, by_digest ? tag_or_digest : "");
  };
  ASSIGN_OR_RETURN(HttpResponse response,
                   BlockingSend(*repository.registry, std::move(request), kMaxManifestBytes, check));
  return ParseRawManifest(std::move(response.body), response.head.Find("Content-Type"));
}

}  // namespace

absl::StatusOr<ReadManifest> ParseRawManifest(std::string bytes, absl::string_view content_type) {
  ReadManifest manifest;
  ASSIGN_OR_RETURN(manifest.document, ParseManifest(bytes, content_type));
  manifest.raw.media_type =
      std::visit([](const auto& document) { return document.media_type; }, manifest.document);
  manifest.raw.bytes = std::move(bytes);
  return manifest;
}

absl::Status CheckBytes(absl::string_view bytes, const Descriptor& descriptor) {
  if (bytes.size() != descriptor.size) {
    return IntegrityError(
        absl::StrCat("has ", bytes.size(), " bytes, its descriptor says ", descriptor.size));
  }
  return CheckDigest(Digest::Of(bytes), descriptor.digest.ToString());
}

absl::StatusOr<ReadManifest> GetRawManifest(const Repository& repository, const std::string& tag_or_digest) {
  return GetRawManifest(repository, tag_or_digest, repository.registry->Now() + kTimeout);
}

absl::StatusOr<ReadManifest> GetRawManifest(const Repository& repository, const std::string& tag_or_digest,
                                            TimePoint deadline) {
  absl::StatusOr<ReadManifest> manifest = Get(repository, tag_or_digest, deadline);
  if (manifest.ok()) return manifest;
  return Annotate(manifest.status(), repository.Describe("GET manifest", tag_or_digest));
}

}  // namespace lacuna
