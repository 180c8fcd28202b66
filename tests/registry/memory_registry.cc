#include "tests/registry/memory_registry.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "registry/referrers.h"

namespace lacuna {
namespace {

std::string ReadBody(const HttpRequest& request) {
  if (request.body == nullptr) return "";
  std::string bytes(request.body->size(), '\0');
  for (size_t at = 0; at < bytes.size();) {
    const absl::StatusOr<size_t> got = request.body->ReadAt(at, absl::MakeSpan(bytes).subspan(at));
    if (!got.ok() || *got == 0) return "";
    at += *got;
  }
  return bytes;
}

std::string Header(const HttpRequest& request, absl::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return "";
}

// "a=b&c=d" -> what `name` is, decoded as far as is needed here.
std::string Parameter(const std::string& query, const std::string& name) {
  for (const absl::string_view pair : absl::StrSplit(query, '&')) {
    absl::string_view value = pair;
    if (absl::ConsumePrefix(&value, name + "="))
      return absl::StrReplaceAll(value, {{"%3A", ":"}, {"%2F", "/"}});
  }
  return "";
}

}  // namespace

FakeAnswer MemoryRegistry::Answer(const HttpRequest& request) {
  if (intercept != nullptr) {
    if (std::optional<FakeAnswer> answer = intercept(request)) return *std::move(answer);
  }
  const std::string target = request.url.substr(request.url.find("/v2/") + 4);
  const std::pair<std::string, std::string> split = absl::StrSplit(target, absl::MaxSplits('?', 1));
  const auto& [path, query] = split;
  MutexLock lock(mutex_);
  log_.push_back(absl::StrCat(request.method, " ", target));
  for (const char* kind : {"/manifests/", "/blobs/uploads/", "/blobs/", "/referrers/"}) {
    const size_t at = path.find(kind);
    if (at == std::string::npos) continue;
    const std::string repository = path.substr(0, at);
    const std::string key = absl::StrCat(repository, "/", path.substr(at + std::string(kind).size()));
    if (kind == std::string("/manifests/")) return AnswerManifest(request, key);
    if (kind == std::string("/blobs/uploads/")) return AnswerUpload(request, repository, query);
    if (kind == std::string("/blobs/")) return AnswerBlob(request, key);
    return AnswerReferrers(path, query);
  }
  return {.status = 400};
}

FakeAnswer MemoryRegistry::AnswerManifest(const HttpRequest& request, const std::string& key) {
  if (request.method == "PUT") {
    const RawManifest manifest{Header(request, "Content-Type"), ReadBody(request)};
    const std::string repository = key.substr(0, key.rfind('/'));
    manifests_[key] = manifest;
    manifests_[absl::StrCat(repository, "/", manifest.digest().ToString())] = manifest;
    FakeAnswer answer{.status = 201};
    const auto read = ParseRawManifest(manifest.bytes, manifest.media_type);
    if (has_referrers_api && read.ok() && std::holds_alternative<lacuna::Manifest>(read->document)) {
      const auto& subject = std::get<lacuna::Manifest>(read->document).subject;
      if (subject.has_value()) answer.headers = {{"OCI-Subject", subject->digest.ToString()}};
    }
    return answer;
  }
  const auto found = manifests_.find(key);
  if (found == manifests_.end()) return {.status = 404};
  return {.headers = {{"Content-Type", found->second.media_type}}, .body = found->second.bytes};
}

FakeAnswer MemoryRegistry::AnswerBlob(const HttpRequest& request, const std::string& key) {
  const auto found = blobs_.find(key);
  if (found == blobs_.end()) return {.status = 404};
  if (request.method == "HEAD") return {.headers = {{"Content-Length", absl::StrCat(found->second.size())}}};
  return FakeHttp::ServeBlob(found->second)(request);
}

FakeAnswer MemoryRegistry::AnswerUpload(const HttpRequest& request, const std::string& repository,
                                        const std::string& query) {
  const std::string mounted = Parameter(query, "mount");
  const auto from = blobs_.find(absl::StrCat(Parameter(query, "from"), "/", mounted));
  if (request.method == "POST" && from != blobs_.end()) {
    const std::string content = from->second;
    blobs_[absl::StrCat(repository, "/", mounted)] = content;
    return {.status = 201};
  }
  if (request.method == "POST") {
    return {.status = 202, .headers = {{"Location", absl::StrCat("/v2/", repository, "/blobs/uploads/1")}}};
  }
  const std::string content = ReadBody(request);
  const std::string digest = Digest::Of(content).ToString();
  if (request.method != "PUT" || Parameter(query, "digest") != digest)
    return {.status = 400, .body = "DIGEST_INVALID"};
  blobs_[absl::StrCat(repository, "/", digest)] = content;
  return {.status = 201};
}

FakeAnswer MemoryRegistry::AnswerReferrers(const std::string& path, const std::string& query) {
  if (!has_referrers_api) return {.status = 404};
  const std::string subject = path.substr(path.rfind('/') + 1);
  std::vector<std::string> entries;
  for (const auto& [key, manifest] : manifests_) {
    if (!absl::EndsWith(key, manifest.digest().ToString())) continue;
    const auto read = ParseRawManifest(manifest.bytes, manifest.media_type);
    const auto* image = read.ok() ? std::get_if<lacuna::Manifest>(&read->document) : nullptr;
    if (image == nullptr || !image->subject.has_value() || image->subject->digest.ToString() != subject)
      continue;
    entries.push_back(DescriptorJson(ReferrerOf(*read)));
  }
  size_t first = 0;
  if (!absl::SimpleAtoi(Parameter(query, "from"), &first)) first = 0;
  first = std::min(first, entries.size());
  const size_t end = std::min(first + referrers_per_page, entries.size());
  const std::vector<std::string> page(entries.begin() + first, entries.begin() + end);
  FakeAnswer answer{
      .headers = {{"Content-Type", kOciIndexType}},
      .body = absl::StrCat(R"({"schemaVersion":2,"manifests":[)", absl::StrJoin(page, ","), "]}")};
  if (end < entries.size()) {
    answer.headers.emplace_back("Link", absl::StrCat("</v2/", path, "?from=", end, ">; rel=\"next\""));
  }
  return answer;
}

void MemoryRegistry::PutManifest(const std::string& repository, const std::string& tag,
                                 const RawManifest& manifest) {
  MutexLock lock(mutex_);
  manifests_[absl::StrCat(repository, "/", tag)] = manifest;
  manifests_[absl::StrCat(repository, "/", manifest.digest().ToString())] = manifest;
}

void MemoryRegistry::PutBlob(const std::string& repository, const std::string& content) {
  MutexLock lock(mutex_);
  blobs_[absl::StrCat(repository, "/", Digest::Of(content).ToString())] = content;
}

std::string MemoryRegistry::Manifest(const std::string& repository, const std::string& tag_or_digest) const {
  MutexLock lock(mutex_);
  const auto found = manifests_.find(absl::StrCat(repository, "/", tag_or_digest));
  return found == manifests_.end() ? "" : found->second.bytes;
}

bool MemoryRegistry::HasBlob(const std::string& repository, const std::string& digest) const {
  MutexLock lock(mutex_);
  return blobs_.contains(absl::StrCat(repository, "/", digest));
}

std::vector<std::string> MemoryRegistry::log() const {
  MutexLock lock(mutex_);
  return log_;
}

}  // namespace lacuna
