// What is tried again, how often, and how long after: the one table of it.
//
// Callers: Exchange judges each attempt by it, HostGate each host. Pure; safe from any thread.
#pragma once

#include "absl/status/status.h"
#include "daemon/base/clock.h"

namespace lacuna {

// What went wrong with one attempt of a request at one server.
enum class Failure {
  kConnection,  // not reached, or the connection broke: also in the middle of a body
  kStalled,     // no bytes, or next to none, for too long; a connection that does not come about
  kThrottled,   // 429
  kServer,      // 408, 5xx
  kBadAnswer,   // not the bytes or the range asked for, an answer that makes no sense
  kUntrusted,   // its certificate is not
  kRefused,     // 401 and 403, after a renewed authorization, and every other 4xx
  kAbsent,      // 404, 410: maybe only there
  kMisled,      // either of the two, at the place that a redirect led to: it may have run out on the way
  kFinal,       // nothing that another attempt would change
};

struct RetryRule {
  Failure failure;
  int attempts;         // at one server, by a caller that waits for a few
  bool until_deadline;  // a reader's attempts go on until its deadline
  bool elsewhere;       // another server may do better
  int penalty;          // for the server, as CircuitBreaker counts
};

// How much trouble a request is worth.
enum class Persistence {
  kOnce,           // one attempt at one server: the caller knows better how to go on
  kAFewTimes,      // as the table says: somebody looks at the error
  kUntilDeadline,  // a reader waits, and has nothing to gain from an early error
};

const RetryRule& RuleOf(Failure failure);
// `status` is how a transfer ended, not OK.
Failure FailureOf(const absl::Status& status);
// `code` is an HTTP status of 400 and more.
Failure FailureOfCode(int code);

// Whether a server at which `failed` attempts ended, the last with `failure`, may be asked again.
bool MayTryAgain(Failure failure, int failed, Persistence persistence);
// How long to wait before the next attempt at a server where `failed` have ended; random within a range.
Duration Backoff(int failed);

}  // namespace lacuna
