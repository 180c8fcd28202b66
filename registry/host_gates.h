// The gates of all hosts, one per host and port, shared by every registry that leads there.
//
// Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "daemon/base/mutex.h"
#include "registry/host_gate.h"
#include "registry/url.h"

namespace lacuna {

class HostGates {
 public:
  HostGates(HostGate::Limits limits, Clock& clock) : limits_(limits), clock_(clock) {}

  // Of the host of `url`. A gate that nobody holds any more is forgotten, with what it knew.
  std::shared_ptr<HostGate> Of(absl::string_view url) { return Find(UrlOrigin(url), url); }
  // One of its own for the tokens that the host issues: requests that hold each of a host's connections may
  // all wait for a token of the same host.
  std::shared_ptr<HostGate> OfTokens(absl::string_view url) {
    return Find(absl::StrCat("tokens of ", UrlOrigin(url)), url);
  }

  // Ends all that waits, now and later, with `status`.
  void Close(const absl::Status& status);

 private:
  std::shared_ptr<HostGate> Find(const std::string& key, absl::string_view url);

  const HostGate::Limits limits_;
  Clock& clock_;

  Mutex mutex_;
  std::map<std::string, std::weak_ptr<HostGate>> gates_ ABSL_GUARDED_BY(mutex_);
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
