// Finds a host's credentials where people keep them: our own configuration, docker's and podman's files, and
// credential helpers.
//
// Callers: what asks registries for access. Thread-safe. Lookup never blocks: files and helpers are read on
// threads of the store's own, so that a helper that hangs keeps no transport waiting. Nothing found is kept
// but the parsed file.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/clock.h"
#include "daemon/base/mutex.h"
#include "daemon/base/unique_fd.h"
#include "daemon/base/worker_pool.h"
#include "registry/auth_file.h"
#include "registry/credential_helper.h"
#include "registry/credentials.h"

namespace lacuna {

// What our configuration says of one host: a helper, or else a user.
struct HostSettings {
  std::string username;
  std::string password_file;  // its first line; read at each lookup
  std::string credential_helper;
};

class CredentialStore {
 public:
  struct Options {
    std::string auth_file;                      // empty: where docker and podman have it (auth_file.h)
    std::map<std::string, HostSettings> hosts;  // by host as in references
    Duration helper_time_limit = kHelperTimeLimit;
  };
  using Done = absl::AnyInvocable<void(absl::StatusOr<Credentials>) &&>;

  explicit CredentialStore(Options options);
  ~CredentialStore();  // Stop()

  // `done` is called exactly once, on a thread of the store, or at once with Cancelled after Stop. Empty
  // credentials: none are known. `hosts` goes before the file, and a helper that has nothing leaves it to
  // what comes next. Errors are those of AuthFile::Read and AskCredentialHelper, and a password file's;
  // nothing else is tried then, because going on without what somebody set up would look like a wrong
  // password.
  void Lookup(absl::string_view host, Done done);

  // Ends running helpers; all callbacks have been called when it returns. Idempotent. Not from a callback.
  void Stop();

 private:
  absl::StatusOr<Credentials> Find(const std::string& host);
  absl::StatusOr<Credentials> FindInSettings(const std::string& host) const;
  absl::StatusOr<Credentials> FindInFile(const std::string& host);
  absl::StatusOr<Credentials> AskHelper(const std::string& helper, const std::string& host) const;

  const Options options_;
  const UniqueFd stop_event_;  // an eventfd: readable once Stop was called
  AuthFile auth_file_;

  Mutex stop_mutex_;  // held while threads are joined, so that each of several Stops waits for that
  Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  // Used under mutex_ until stopped_, under stop_mutex_ from then on.
  std::unique_ptr<WorkerPool> workers_;
};

}  // namespace lacuna
