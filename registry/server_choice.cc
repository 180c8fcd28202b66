#include "registry/server_choice.h"

#include <algorithm>
#include <utility>

namespace lacuna {

ServerChoice::ServerChoice(const Servers& servers, const RegistryRequest& request)
    : redirected_path_(request.RedirectsHold() ? request.path : "") {
  for (const std::shared_ptr<RegistryServer>& server : servers) {
    // What is pushed must be where everybody looks for it.
    const bool suits = request.capability != Capability::kPush || !server->endpoint.is_mirror;
    if (suits && server->Can(request.capability)) candidates_.push_back({.server = server});
  }
}

ServerChoice::Choice ServerChoice::Next(TimePoint now) {
  Choice best;
  for (Candidate& candidate : candidates_) {
    if (candidate.out) continue;
    Choice choice{.candidate = &candidate};
    if (!redirected_path_.empty()) choice.known = candidate.server->redirects.Find(redirected_path_);
    const HostGate& gate = choice.known.has_value() ? *choice.known->gate : *candidate.server->gate;
    choice.when = std::max({now, candidate.not_before, gate.UsableFrom()});
    if (best.candidate == nullptr || choice.when < best.when) best = std::move(choice);
  }
  return best;
}

bool ServerChoice::HasAlternative() const {
  return std::count_if(candidates_.begin(), candidates_.end(), [](const Candidate& c) { return !c.out; }) > 1;
}

void ServerChoice::Fail(Candidate& candidate, Failure failure, Persistence persistence, TimePoint now) {
  ++candidate.failed;
  candidate.out = !MayTryAgain(failure, candidate.failed, persistence);
  candidate.not_before = now + Backoff(candidate.failed);
}

}  // namespace lacuna
