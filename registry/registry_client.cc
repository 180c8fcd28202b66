#include "registry/registry_client.h"

#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "registry/blocking_request.h"
#include "registry/http_error.h"

namespace lacuna {
namespace {

constexpr int kOk = 200;
// An index may list indexes (image-spec, image-index.md); nobody needs more than this.
constexpr int kMaxIndexDepth = 4;

// "HOST: GET manifest REPOSITORY:TAG"
std::string Describe(const Repository& repository, absl::string_view what, absl::string_view tag_or_digest) {
  return absl::StrCat(UrlHost(repository.base_url), ": GET ", what, " ", repository.name,
                      absl::StrContains(tag_or_digest, ':') ? "@" : ":", tag_or_digest);
}

absl::Status DigestMismatch(const Digest& got, absl::string_view wanted) {
  return IntegrityError(absl::StrCat("the bytes have digest ", got.ToString(), ", expected ", wanted));
}

// The body against the digest it was asked by, if it was, and against the one the registry claims, if it
// does. For a tag the body's own digest is the truth.
absl::Status CheckManifestDigest(const HttpResponse& response, const Digest& got,
                                 absl::string_view tag_or_digest) {
  if (absl::StrContains(tag_or_digest, ':') && tag_or_digest != got.ToString()) {
    return DigestMismatch(got, tag_or_digest);
  }
  const absl::string_view claimed = response.head.Find("Docker-Content-Digest");
  if (absl::StartsWith(claimed, "sha256:") && claimed != got.ToString()) {
    return Annotate(DigestMismatch(got, claimed), "Docker-Content-Digest");
  }
  return absl::OkStatus();
}

}  // namespace

struct RegistryClient::Fetched {
  Digest digest;
  uint64_t size = 0;
  std::variant<Manifest, ImageIndex> document;
};

RegistryClient::RegistryClient(HttpTransport& transport, Limits limits)
    : transport_(transport), limits_(limits) {}

absl::StatusOr<ResolvedImage> RegistryClient::Resolve(const Repository& repository,
                                                      const Reference& reference, const Platform& platform) {
  const TimePoint deadline = Deadline();
  std::string next = reference.TagOrDigest();
  std::optional<uint64_t> size;  // what the index says
  for (int depth = 0; depth < kMaxIndexDepth; ++depth) {
    const std::string context = Describe(repository, "manifest", next);
    absl::StatusOr<Fetched> fetched = GetManifest(repository, next, deadline);
    if (!fetched.ok()) return Annotate(fetched.status(), context);
    if (size.has_value() && *size != fetched->size) {
      return Annotate(IntegrityError(absl::StrCat(fetched->size, " bytes, the index says ", *size)), context);
    }
    if (auto* manifest = std::get_if<Manifest>(&fetched->document)) {
      return ResolvedImage{std::move(fetched->digest), std::move(*manifest)};
    }
    const absl::StatusOr<Descriptor> chosen =
        SelectPlatform(std::get<ImageIndex>(fetched->document), platform);
    if (!chosen.ok()) return Annotate(chosen.status(), context);
    next = chosen->digest.ToString();
    size = chosen->size;
  }
  return Annotate(absl::InvalidArgumentError("its index is nested too deeply"),
                  Describe(repository, "manifest", reference.TagOrDigest()));
}

absl::StatusOr<std::string> RegistryClient::ReadBlob(const RemoteBlob& blob, uint64_t max_bytes) {
  const std::string context = Describe(blob.repository, "blob", blob.digest.ToString());
  if (blob.size > max_bytes) {
    return Annotate(absl::InvalidArgumentError(
                        absl::StrCat("has ", blob.size, " bytes, more than the ", max_bytes, " allowed")),
                    context);
  }
  absl::StatusOr<std::string> bytes = GetBlob(blob, Deadline());
  if (!bytes.ok()) return Annotate(bytes.status(), context);
  return bytes;
}

absl::StatusOr<RegistryClient::Fetched> RegistryClient::GetManifest(const Repository& repository,
                                                                    const std::string& tag_or_digest,
                                                                    TimePoint deadline) {
  HttpRequest request = MakeRequest(repository, repository.ManifestUrl(tag_or_digest));
  request.headers.emplace_back(
      "Accept", absl::StrJoin({kOciManifestType, kOciIndexType, kDockerManifestType, kDockerListType}, ", "));
  const std::string url = request.url;
  ASSIGN_OR_RETURN(const HttpResponse response,
                   BlockingRequest(transport_, std::move(request), kMaxManifestBytes, deadline));
  if (response.head.status != kOk) return HttpError(response.head, url);
  Fetched fetched{.digest = Digest::Of(response.body), .size = response.body.size()};
  RETURN_IF_ERROR(CheckManifestDigest(response, fetched.digest, tag_or_digest));
  ASSIGN_OR_RETURN(fetched.document, ParseManifest(response.body, response.head.Find("Content-Type")));
  return fetched;
}

absl::StatusOr<std::string> RegistryClient::GetBlob(const RemoteBlob& blob, TimePoint deadline) {
  HttpRequest request = MakeRequest(blob.repository, blob.repository.BlobUrl(blob.digest));
  const std::string url = request.url;
  absl::StatusOr<HttpResponse> response =
      BlockingRequest(transport_, std::move(request), blob.size, deadline);
  if (absl::IsResourceExhausted(response.status())) {
    return IntegrityError(absl::StrCat("has more than the ", blob.size, " bytes of its descriptor"));
  }
  if (!response.ok()) return response.status();
  if (response->head.status != kOk) return HttpError(response->head, url);
  if (response->body.size() != blob.size) {
    return IntegrityError(
        absl::StrCat("has ", response->body.size(), " bytes, its descriptor says ", blob.size));
  }
  const Digest got = Digest::Of(response->body);
  if (got != blob.digest) return DigestMismatch(got, blob.digest.ToString());
  return std::move(response->body);
}

HttpRequest RegistryClient::MakeRequest(const Repository& repository, std::string url) const {
  HttpRequest request;
  request.url = std::move(url);
  request.authorization = repository.authorizer->AuthorizationHeader();
  request.connect_timeout = limits_.connect_timeout;
  request.stall_timeout = limits_.stall_timeout;
  return request;
}

TimePoint RegistryClient::Deadline() const {
  return std::chrono::steady_clock::now() + limits_.total_timeout;
}

}  // namespace lacuna
