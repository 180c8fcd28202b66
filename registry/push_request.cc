#include "registry/push_request.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/blocking_send.h"
#include "registry/http_code.h"
#include "registry/http_error.h"
#include "registry/retry_policy.h"
#include "registry/upload_body.h"
#include "registry/url.h"

namespace lacuna {
namespace {

constexpr uint64_t kMaxAnswer = 64 * 1024;
constexpr int kManifestAttempts = 3;

Duration TimeFor(const RegistryRequest& request, const PushLimits& limits) {
  const uint64_t size = request.body == nullptr ? 0 : request.body->size();
  return limits.request_timeout + std::chrono::seconds(size / limits.slowest_bytes_per_second);
}

}  // namespace

absl::StatusOr<HttpResponseHead> SendPushRequest(const Repository& repository, RegistryRequest request,
                                                 std::initializer_list<int> expected,
                                                 const PushLimits& limits) {
  request.capability = Capability::kPush;
  if (request.scope.empty()) request.scope = repository.Scope("pull,push");
  request.stall_timeout = limits.stall_timeout;
  request.deadline = repository.registry->Now() + TimeFor(request, limits);
  ASSIGN_OR_RETURN(HttpResponse response, BlockingSend(*repository.registry, std::move(request), kMaxAnswer));
  const bool wanted = std::find(expected.begin(), expected.end(), response.head.status) != expected.end();
  if (wanted) return std::move(response.head);
  return WithExplanation(
      HttpError(response.head.status, UrlHost(response.head.url), repository.registry->host()),
      response.body);
}

namespace {

absl::StatusOr<HttpResponseHead> PutManifestOnce(const Repository& repository,
                                                 const std::string& tag_or_digest,
                                                 const RawManifest& manifest, const PushLimits& limits) {
  RegistryRequest request{.method = "PUT",
                          .path = repository.ManifestPath(tag_or_digest),
                          .headers = {{"Content-Type", manifest.media_type}},
                          .body = std::make_shared<MemoryBody>(manifest.bytes)};
  ASSIGN_OR_RETURN(HttpResponseHead head, SendPushRequest(repository, std::move(request),
                                                          {http_code::kCreated, http_code::kOk}, limits));
  const absl::string_view stored = head.Find("Docker-Content-Digest");
  const std::string sent = manifest.digest().ToString();
  if (!absl::StartsWith(stored, "sha256:") || stored == sent) return head;
  return IntegrityError(absl::StrCat("the registry stored it as ", stored, ", expected ", sent));
}

}  // namespace

absl::StatusOr<HttpResponseHead> PutManifest(const Repository& repository, const std::string& tag_or_digest,
                                             const RawManifest& manifest, const PushLimits& limits,
                                             const Sleep& sleep) {
  for (int failed = 1;; ++failed) {
    absl::StatusOr<HttpResponseHead> head = PutManifestOnce(repository, tag_or_digest, manifest, limits);
    // docker-registry says DIGEST_INVALID of right bytes while another pushes the same blobs.
    if (!IsIntegrityError(head.status()) || failed == kManifestAttempts) return head;
    sleep(Backoff(failed));
  }
}

void SleepFor(Duration duration) {
  std::this_thread::sleep_for(duration);
}

}  // namespace lacuna
