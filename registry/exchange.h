// One request until it is answered for good: which server is asked, with what permission, where it leads,
// and what follows when an attempt fails.
//
//   Attempt -> (turn at the host's gate) -> (authorization) -> request -> redirect? same again, elsewhere
//      ^                                                          |
//      +---- failed: the table (retry_policy.h) says whether, where and when                -> done
//
// Nothing here waits: each step is the callback of the one before, so that no lock is needed for what only
// the steps use. Made by Registry::Send. Promote may be called from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/mutex.h"
#include "registry/registry_context.h"
#include "registry/registry_request.h"
#include "registry/server_choice.h"

namespace lacuna {

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  using Servers = ServerChoice::Servers;

  // `servers` in the order in which to ask them. `context` outlives this.
  Exchange(const RegistryContext& context, std::string registry, const Servers& servers,
           RegistryRequest request, std::shared_ptr<ExchangeHandler> handler);
  // Tells the handler Cancelled if nothing else did.
  ~Exchange();

  // Once. The handler may be told everything from here.
  void Start();

  // A reader waits for it now, until `deadline`: it is demand, and as persistent as that.
  void Promote(TimePoint deadline, Persistence persistence = Persistence::kUntilDeadline);

 private:
  class Hop;

  // The steps.
  void Attempt();
  void Turn(TimePoint not_before);
  void OnTurn(absl::StatusOr<HostGate::Slot> slot);
  void Send(std::string authorization);
  void OnHopEnd(const absl::Status& status);
  void OnAnswer();
  void OnErrorCode();
  void FollowRedirect();
  void AttemptFailed(Failure failure, const absl::Status& status);
  void Finish(const absl::Status& status);

  bool AtOwnHost() const;
  absl::Status TooLate(Duration pause) const;
  absl::Status CodeError() const;
  void RememberRedirect();
  TimePoint Deadline() const;
  TimePoint AttemptDeadline() const;
  Persistence HowPersistent() const;

  const RegistryContext& context_;
  const std::string registry_;
  const RegistryRequest request_;
  std::shared_ptr<ExchangeHandler> handler_;  // null once told
  ServerChoice choice_;
  absl::Status last_failure_;

  // Of the attempt that is under way.
  ServerChoice::Candidate* candidate_ = nullptr;
  std::string url_;                 // that is asked, after `redirects_` redirects
  std::shared_ptr<HostGate> gate_;  // of its host
  bool from_cache_ = false;         // where an earlier answer of the server led
  int redirects_ = 0;
  int renewals_ = 0;  // of the authorization
  std::string authorization_;
  std::string refused_;  // an authorization that was not accepted
  std::optional<HostGate::Slot> slot_;
  HttpResponseHead head_;
  uint64_t received_ = 0;   // bytes of a body that is no error's
  std::string error_body_;  // what a server says beside an error code

  mutable Mutex mutex_;
  Priority priority_ ABSL_GUARDED_BY(mutex_);
  Persistence persistence_ ABSL_GUARDED_BY(mutex_);
  TimePoint deadline_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<HostGate> waits_at_ ABSL_GUARDED_BY(mutex_);
  HostGate::Ticket ticket_ ABSL_GUARDED_BY(mutex_){};
};

}  // namespace lacuna
