#include "tests/registry/upload_registry.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "daemon/base/digest.h"

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
  if (request.method == failing_method) return {.status = fail_method_with, .body = "{\"errors\":[]}"};
  if (request.method == "HEAD") {
    const auto blob = blobs.find(path.substr(path.rfind('/') + 1));
    if (blob == blobs.end()) return {.status = 404};
    return {.headers = {{"Content-Length", absl::StrCat(blob->second.size())}}};
  }
  if (request.method == "POST") {
    received_.clear();
    return path == "/v2/repo/blobs/uploads/" && body.empty() ? Continue(202) : FakeAnswer{.status = 404};
  }
  if (request.method == "PATCH") return Patch(request, body);
  if (absl::StrContains(path, "/manifests/")) return PutManifest(request, body);
  return PutBlob(request, body);
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

FakeAnswer UploadRegistry::Patch(const HttpRequest& request, const std::string& body) {
  if (!IsCurrentSession(request.url)) return {.status = 404};
  if (Header(request, "Content-Type") != "application/octet-stream") return {.status = 415};
  const std::string expected = absl::StrCat(received_.size(), "-", received_.size() + body.size() - 1);
  if (Header(request, "Content-Range") != expected) return {.status = 416};
  received_ += body;
  return Continue(202);
}

FakeAnswer UploadRegistry::PutBlob(const HttpRequest& request, const std::string& body) {
  if (!IsCurrentSession(request.url)) return {.status = 404};
  received_ += body;
  const std::string digest = Digest::Of(received_).ToString();
  if (!absl::EndsWith(request.url, absl::StrCat("digest=", digest))) {
    return {.status = 400, .body = R"({"errors":[{"code":"DIGEST_INVALID","message":"did not match"}]})"};
  }
  blobs[digest] = received_;
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
