#include "tests/registry/upload_registry.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "daemon/base/digest.h"
#include "registry/url.h"

namespace lacuna {
namespace {

constexpr char kBase[] = "https://registry.example";

std::string ReadBody(const HttpRequest& request) {
  std::string bytes;
  if (request.body == nullptr) return bytes;
  char piece[4096];
  while (true) {
    const absl::StatusOr<size_t> got = request.body->ReadAt(bytes.size(), absl::MakeSpan(piece));
    if (!got.ok() || *got == 0) return bytes;
    bytes.append(piece, *got);
  }
}

std::string Header(const HttpRequest& request, absl::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return "";
}

std::string PathOf(const std::string& url) {
  return absl::StartsWith(url, kBase) ? url.substr(sizeof(kBase) - 1) : url;
}

}  // namespace

FakeAnswer UploadRegistry::Answer(const HttpRequest& request) {
  const std::string path = PathOf(request.url);
  const std::string body = ReadBody(request);
  const std::string range = Header(request, "Content-Range");
  log.push_back(absl::StrCat(request.method, " ", path, range.empty() ? "" : " ", range));
  authorizations.push_back(request.authorization);
  if (wants_password && request.authorization.empty() && absl::StartsWith(path, "/")) {
    return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"test\""}}};
  }
  if (request.method == failing_method && fail_times > 0) {
    --fail_times;
    return {.status = fail_method_with, .body = "{\"errors\":[]}"};
  }
  if (request.method == "HEAD") return Head(path);
  if (request.method == "GET") return State(path);
  if (request.method == "POST") return body.empty() ? Post(path) : FakeAnswer{.status = 400};
  if (request.method == "PATCH") return Patch(request, body);
  if (absl::StrContains(path, "/manifests/")) return PutManifest(request, body);
  return PutBlob(request, body);
}

FakeAnswer UploadRegistry::Head(const std::string& path) const {
  const auto blob = blobs.find(path.substr(path.rfind('/') + 1));
  if (blob == blobs.end()) return {.status = 404};
  return {.headers = {{"Content-Length", absl::StrCat(blob->second.size())}}};
}

FakeAnswer UploadRegistry::Post(const std::string& path) {
  received_.clear();
  if (path == "/v2/repo/blobs/uploads/") return Continue(202);
  const auto other = std::find_if(other_blobs.begin(), other_blobs.end(), [&](const auto& blob) {
    return path == absl::StrCat("/v2/repo/blobs/uploads/?mount=", PercentEncode(blob.first), "&from=other");
  });
  if (!takes_mounts) return Continue(202);
  if (other == other_blobs.end()) return {.status = 404};
  blobs.insert(*other);
  return {.status = 201};
}

FakeAnswer UploadRegistry::State(const std::string& path) {
  if (!IsCurrentSession(path)) return {.status = 404};
  FakeAnswer answer = Continue(204);
  const std::string range = absl::StrCat("0-", received_.empty() ? 0 : received_.size() - 1);
  answer.headers.emplace_back("Range", range_of_state.empty() ? range : range_of_state);
  return answer;
}

FakeAnswer UploadRegistry::Continue(int status) {
  ++session_;
  FakeAnswer answer{
      .status = status,
      .headers = {{"location", absl::StrReplaceAll(location, {{"%", absl::StrCat(session_)}})}}};
  if (!min_chunk.empty()) answer.headers.emplace_back("oci-chunk-min-length", min_chunk);
  return answer;
}

bool UploadRegistry::IsCurrentSession(const std::string& url) const {
  return absl::StrContains(url, absl::StrReplaceAll(location, {{"%", absl::StrCat(session_)}}));
}

std::optional<uint64_t> UploadRegistry::TakeCut() {
  if (cuts.empty()) return std::nullopt;
  const uint64_t after = cuts.front();
  cuts.pop_front();
  if (loses_sessions) ++session_;
  return after;
}

FakeAnswer UploadRegistry::Patch(const HttpRequest& request, const std::string& body) {
  if (!IsCurrentSession(request.url)) return {.status = 404};
  if (Header(request, "Content-Type") != "application/octet-stream") return {.status = 415};
  const std::string expected = absl::StrCat(received_.size(), "-", received_.size() + body.size() - 1);
  if (Header(request, "Content-Range") != expected) return {.status = 416};
  if (const std::optional<uint64_t> cut = TakeCut()) {
    patched_bytes += *cut;
    if (keeps_cut_bytes) received_ += body.substr(0, *cut);
    return {.status = 0, .end = absl::UnavailableError("connection reset by registry.example")};
  }
  patched_bytes += body.size();
  received_ += body;
  FakeAnswer answer = Continue(202);
  answer.headers.emplace_back("Range", absl::StrCat("0-", received_.size() - 1));
  return answer;
}

FakeAnswer UploadRegistry::PutBlob(const HttpRequest& request, const std::string& body) {
  if (!IsCurrentSession(request.url)) return {.status = 404};
  const bool cut = TakeCut().has_value();
  const FakeAnswer broken{.status = 0, .end = absl::UnavailableError("connection reset by registry.example")};
  if (cut && !loses_answers) return broken;
  const std::string digest = Digest::Of(received_ + body).ToString();
  if (!absl::EndsWith(request.url, absl::StrCat("digest=", PercentEncode(digest)))) {
    return {.status = 400, .body = R"({"errors":[{"code":"DIGEST_INVALID","message":"did not match"}]})"};
  }
  blobs[digest] = received_ + body;
  if (cut) return broken;
  return {.status = 201};
}

FakeAnswer UploadRegistry::PutManifest(const HttpRequest& request, const std::string& body) {
  const std::string tag = request.url.substr(request.url.rfind('/') + 1);
  manifests[tag] = body;
  types[tag] = Header(request, "Content-Type");
  const std::string stored = manifest_digest.empty() ? Digest::Of(body).ToString() : manifest_digest;
  return {.status = 201, .headers = {{"Docker-Content-Digest", stored}}};
}

}  // namespace lacuna
