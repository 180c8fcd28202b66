// The upload half of a registry, for FakeHttp: a model of OCI distribution-spec 1.1's "Push" that refuses
// what the specification forbids, and does on request what it allows but few do.
//
// Answers one request at a time.
#pragma once

#include <climits>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "registry/http_transport.h"
#include "tests/fakes/fake_http.h"

namespace lacuna {

class UploadRegistry {
 public:
  FakeAnswer Answer(const HttpRequest& request);

  // Where sessions go on: "%" is replaced by the session's number, which changes with each answer.
  std::string location = "/v2/repo/blobs/uploads/%?state=%";
  std::string min_chunk;        // OCI-Chunk-Min-Length, when not empty
  std::string manifest_digest;  // what a manifest is said to be stored as, when not empty
  int fail_method_with = 0;     // this code for every request with the method below
  std::string failing_method;
  int fail_times = INT_MAX;     // that many of them
  bool wants_password = false;  // 401 to all that show none
  bool takes_mounts = true;     // else a mount is answered with a session

  // Connections break: after so many bytes of the next PATCHes and PUTs of blobs, one entry a request.
  std::deque<uint64_t> cuts;
  bool keeps_cut_bytes = true;  // what came of a PATCH before the cut
  bool loses_sessions = false;  // at a cut
  bool loses_answers = false;   // a PUT is done, and its answer lost, where it is cut
  std::string range_of_state;   // what a GET of the session says, when not empty
  uint64_t patched_bytes = 0;   // that arrived in PATCHes

  std::map<std::string, std::string> blobs;        // by "sha256:…"
  std::map<std::string, std::string> other_blobs;  // in the repository "other"
  std::map<std::string, std::string> manifests;    // by tag
  std::map<std::string, std::string> types;        // of the manifests
  std::vector<std::string> log;                    // "METHOD PATH [Content-Range]"
  std::vector<std::string> authorizations;         // one a request

 private:
  FakeAnswer Continue(int status);
  FakeAnswer Head(const std::string& path) const;
  FakeAnswer Post(const std::string& path);
  FakeAnswer State(const std::string& path);
  std::optional<uint64_t> TakeCut();
  FakeAnswer Patch(const HttpRequest& request, const std::string& body);
  FakeAnswer PutBlob(const HttpRequest& request, const std::string& body);
  FakeAnswer PutManifest(const HttpRequest& request, const std::string& body);
  bool IsCurrentSession(const std::string& url) const;

  int session_ = 0;
  std::string received_;
};

}  // namespace lacuna
