// One request as the OCI distribution API has it, before anybody knows which server answers it, and what
// becomes of it.
//
// Values; and the role that callers of Registry::Send play.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/clock.h"
#include "registry/http_transport.h"
#include "registry/priority.h"
#include "registry/retry_policy.h"

namespace lacuna {

// What a server is asked for; not every mirror does everything. Named as in containerd's hosts.toml.
enum class Capability {
  kPull,     // content by its digest
  kResolve,  // what a tag means now
  kPush,
};

struct RegistryRequest {
  Capability capability = Capability::kPull;
  std::string method = "GET";
  std::string path;  // below the API's root "/v2/": "library/debian/blobs/sha256:…"
  // Instead of `path`, an absolute URL that the registry gave: where an upload goes on.
  std::string location;
  std::string scope;  // what a token must allow: "repository:library/debian:pull"
  std::vector<HttpHeader> headers;
  std::shared_ptr<HttpBody> body;
  Priority priority = Priority::kDemand;
  Persistence persistence = Persistence::kAFewTimes;
  TimePoint deadline = TimePoint::max();

  // Where content lies does not depend on when, or how, it is asked for.
  bool RedirectsHold() const { return method == "GET" && capability == Capability::kPull && !path.empty(); }
  // Instead of the usual limits: fails an attempt only when no byte at all moved for this long.
  std::optional<Duration> stall_timeout;
};

// What becomes of a request. One call at a time, on whichever thread; must not block. OnHead and OnBody are
// of answers with 2xx, and begin anew with each attempt; OnDone comes once, last. An error of OnHead or
// OnBody ends the attempt, and is judged like the server's own (retry_policy.h).
class ExchangeHandler : public HttpResponseHandler {
 public:
  // Before each attempt: adds what differs between them, such as the range that is still missing.
  virtual void OnAttempt(HttpRequest& /*request*/) {}
  // The answer arrived whole: whether it is the one that was wanted.
  virtual absl::Status CheckAnswer() { return absl::OkStatus(); }
  // Nothing is missing any more, however the attempt ends.
  virtual bool HasAll() const { return false; }
};

}  // namespace lacuna
