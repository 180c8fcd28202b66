// The value of an Authorization header for one purpose (a host, or a token's scope), as long as it holds:
// fetched once for everybody who waits, renewed before it expires.
//
// Made by Authenticator. Thread-safe. Callbacks come on the thread that fetched, or at once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/clock.h"
#include "daemon/base/mutex.h"

namespace lacuna {

struct Authorization {
  std::string header;                   // a secret
  Duration lifetime = Duration::max();  // from when it was asked for; the longest: it does not expire
};

class AuthorizationSource : public std::enable_shared_from_this<AuthorizationSource> {
 public:
  using Fetched = absl::AnyInvocable<void(absl::StatusOr<Authorization>) &&>;
  // Must not block, and calls back exactly once.
  using Fetch = std::function<void(Fetched)>;
  using Ready = absl::AnyInvocable<void(absl::StatusOr<std::string>) &&>;

  // `clock` outlives this.
  AuthorizationSource(Clock& clock, Fetch fetch) : clock_(clock), fetch_(std::move(fetch)) {}

  // `ready` gets a header that holds now. When it will not for long, a new one is fetched behind it.
  void Get(Ready ready);

  // `header` was refused: it is not given out again.
  void Invalidate(absl::string_view header);

 private:
  bool Holds(TimePoint now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Renew();
  void OnFetched(TimePoint asked_at, absl::StatusOr<Authorization> got);

  Clock& clock_;
  const Fetch fetch_;

  Mutex mutex_;
  std::string header_ ABSL_GUARDED_BY(mutex_);  // empty: none
  TimePoint expires_at_ ABSL_GUARDED_BY(mutex_);
  TimePoint renew_at_ ABSL_GUARDED_BY(mutex_);
  bool fetching_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Ready> waiting_ ABSL_GUARDED_BY(mutex_);
  // After a failure nobody asks again before this.
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;
  TimePoint rest_until_ ABSL_GUARDED_BY(mutex_);
  absl::Status last_error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
