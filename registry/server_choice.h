// Which of a registry's servers is asked next: in order, but those that failed later than others.
//
// Used by one Exchange, one call at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/clock.h"
#include "registry/registry_request.h"
#include "registry/registry_server.h"
#include "registry/retry_policy.h"

namespace lacuna {

class ServerChoice {
 public:
  using Servers = std::vector<std::shared_ptr<RegistryServer>>;
  struct Candidate {
    std::shared_ptr<RegistryServer> server;
    int failed = 0;  // attempts there
    TimePoint not_before = TimePoint::min();
    bool out = false;  // not to be asked again
  };
  struct Choice {
    Candidate* candidate = nullptr;       // stays where it is; null when none is left
    std::optional<RedirectTarget> known;  // where it has sent us before, to be asked in its stead
    TimePoint when;                       // may be later than now
  };

  // Of `servers`, in order, those that can do what is asked for.
  ServerChoice(const Servers& servers, const RegistryRequest& request);

  // The one that can be asked first; of those that can at the same time, the first in order.
  Choice Next(TimePoint now);
  // More than one is left.
  bool HasAlternative() const;

  // An attempt there ended with `failure`: when, and whether, the next may be.
  static void Fail(Candidate& candidate, Failure failure, Persistence persistence, TimePoint now);

 private:
  std::string redirected_path_;  // empty where known redirects are not used
  std::vector<Candidate> candidates_;
};

}  // namespace lacuna
