// A whole registry in memory, for FakeHttp: manifests, blobs with ranges, uploads in one request, mounts, and
// the referrers API when it is switched on.
//
// Thread-safe. Unlike UploadRegistry it does as it should; `intercept` is for what goes wrong.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/mutex.h"
#include "registry/http_transport.h"
#include "registry/raw_manifest.h"
#include "tests/fakes/fake_http.h"

namespace lacuna {

class MemoryRegistry {
 public:
  FakeAnswer Answer(const HttpRequest& request);

  // Asked first, outside the lock; may change what is here.
  std::function<std::optional<FakeAnswer>(const HttpRequest&)> intercept;
  bool has_referrers_api = false;
  size_t referrers_per_page = 2;

  void PutManifest(const std::string& repository, const std::string& tag, const RawManifest& manifest);
  void PutBlob(const std::string& repository, const std::string& content);
  // Empty when there is none.
  std::string Manifest(const std::string& repository, const std::string& tag_or_digest) const;
  bool HasBlob(const std::string& repository, const std::string& digest) const;
  // "METHOD PATH?QUERY", in order.
  std::vector<std::string> log() const;

 private:
  FakeAnswer AnswerManifest(const HttpRequest& request, const std::string& key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  FakeAnswer AnswerBlob(const HttpRequest& request, const std::string& key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  FakeAnswer AnswerUpload(const HttpRequest& request, const std::string& repository, const std::string& query)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  FakeAnswer AnswerReferrers(const std::string& path, const std::string& query)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, RawManifest> manifests_ ABSL_GUARDED_BY(mutex_);  // by "REPOSITORY/TAG-OR-DIGEST"
  std::map<std::string, std::string> blobs_ ABSL_GUARDED_BY(mutex_);      // by "REPOSITORY/DIGEST"
  std::vector<std::string> log_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
