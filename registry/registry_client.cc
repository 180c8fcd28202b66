#include "registry/registry_client.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/blocking_send.h"
#include "registry/index_artifact.h"
#include "registry/raw_manifest.h"

namespace lacuna {
absl::StatusOr<ResolvedImage> RegistryClient::Resolve(const Repository& repository,
                                                      const Reference& reference, const Platform& platform) {
  const TimePoint deadline = DeadlineAt(*repository.registry);
  std::string next = reference.TagOrDigest();
  std::optional<uint64_t> size;  // what the index says
  std::vector<ImageIndex> indexes;
  for (int depth = 0; depth < kMaxIndexDepth; ++depth) {
    const std::string context = repository.Describe("GET manifest", next);
    ASSIGN_OR_RETURN(ReadManifest read, GetRawManifest(repository, next, deadline));
    if (size.has_value() && *size != read.raw.bytes.size()) {
      return Annotate(IntegrityError(absl::StrCat(read.raw.bytes.size(), " bytes, the index says ", *size)),
                      context);
    }
    if (auto* manifest = std::get_if<Manifest>(&read.document)) {
      const Digest digest = read.raw.digest();
      return ResolvedImage{digest, std::move(*manifest), BoundArtifacts(indexes, digest)};
    }
    indexes.push_back(std::get<ImageIndex>(std::move(read.document)));
    const absl::StatusOr<Descriptor> chosen = SelectPlatform(indexes.back(), platform);
    if (!chosen.ok()) return Annotate(chosen.status(), context);
    next = chosen->digest.ToString();
    size = chosen->size;
  }
  return Annotate(absl::InvalidArgumentError("its index is nested too deeply"),
                  repository.Describe("GET manifest", reference.TagOrDigest()));
}

absl::StatusOr<std::string> RegistryClient::ReadBlob(const RemoteBlob& blob, uint64_t max_bytes) {
  const std::string context = blob.repository.Describe("GET blob", blob.digest.ToString());
  if (blob.size > max_bytes) {
    return Annotate(absl::InvalidArgumentError(
                        absl::StrCat("has ", blob.size, " bytes, more than the ", max_bytes, " allowed")),
                    context);
  }
  absl::StatusOr<std::string> bytes = GetBlob(blob, DeadlineAt(*blob.repository.registry));
  if (!bytes.ok()) return Annotate(bytes.status(), context);
  return bytes;
}

absl::StatusOr<std::string> RegistryClient::GetBlob(const RemoteBlob& blob, TimePoint deadline) {
  RegistryRequest request{.path = blob.repository.BlobPath(blob.digest),
                          .scope = blob.repository.Scope("pull"),
                          .deadline = deadline};
  const auto check = [&blob](const HttpResponse& answer) {
    return CheckBytes(answer.body, {.digest = blob.digest, .size = blob.size});
  };
  absl::StatusOr<HttpResponse> response =
      BlockingSend(*blob.repository.registry, std::move(request), blob.size, check);
  if (absl::IsResourceExhausted(response.status())) {
    return IntegrityError(absl::StrCat("has more than the ", blob.size, " bytes of its descriptor"));
  }
  if (!response.ok()) return response.status();
  return std::move(response->body);
}

TimePoint RegistryClient::DeadlineAt(const Registry& registry) const {
  return registry.Now() + total_timeout_;
}

}  // namespace lacuna
