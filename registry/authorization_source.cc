#include "registry/authorization_source.h"

#include <utility>

#include "daemon/base/jitter.h"
#include "registry/retry_policy.h"

namespace lacuna {
namespace {

// When a header that lives for `lifetime` is renewed: between 8 and 9 tenths, so that nobody has to wait for
// it, and hosts that began together do not ask together.
Duration RenewAfter(Duration lifetime) {
  return lifetime / 10 * 7 + Jittered(lifetime / 10 * 2);
}

}  // namespace

bool AuthorizationSource::Holds(TimePoint now) const {
  return !header_.empty() && now < expires_at_;
}

void AuthorizationSource::Get(Ready ready) {
  absl::StatusOr<std::string> answer = std::string();
  bool renew = false;
  {
    MutexLock lock(mutex_);
    const TimePoint now = clock_.Now();
    const bool rests = now < rest_until_;
    const bool holds = Holds(now);
    renew = !fetching_ && !rests && (!holds || now >= renew_at_);
    if (renew) fetching_ = true;
    if (holds) {
      answer = header_;
    } else if (fetching_) {
      waiting_.push_back(std::move(ready));
      ready = nullptr;
    } else {
      answer = last_error_;
    }
  }
  if (ready != nullptr) std::move(ready)(std::move(answer));
  if (renew) Renew();
}

void AuthorizationSource::Invalidate(absl::string_view header) {
  MutexLock lock(mutex_);
  if (header_ == header) header_.clear();
}

void AuthorizationSource::Renew() {
  fetch_([self = shared_from_this(), asked_at = clock_.Now()](absl::StatusOr<Authorization> got) {
    self->OnFetched(asked_at, std::move(got));
  });
}

void AuthorizationSource::OnFetched(TimePoint asked_at, absl::StatusOr<Authorization> got) {
  std::vector<Ready> waiting;
  absl::StatusOr<std::string> answer = std::string();
  {
    MutexLock lock(mutex_);
    fetching_ = false;
    waiting.swap(waiting_);
    if (got.ok()) {
      const bool expires = got->lifetime != Duration::max();
      header_ = std::move(got->header);
      expires_at_ = expires ? asked_at + got->lifetime : TimePoint::max();
      renew_at_ = expires ? asked_at + RenewAfter(got->lifetime) : TimePoint::max();
      failures_ = 0;
      answer = header_;
    } else {
      rest_until_ = clock_.Now() + Backoff(++failures_);
      last_error_ = got.status();
      answer = last_error_;
    }
  }
  for (Ready& ready : waiting) std::move(ready)(answer);
}

}  // namespace lacuna
