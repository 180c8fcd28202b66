#include "registry/credential_store.h"

#include <sys/eventfd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/helper_protocol.h"
#include "registry/secret_file.h"

namespace lacuna {
namespace {

// Three registries may hang and a fourth is still let in.
constexpr int kThreads = 4;

absl::Status Stopped() {
  return absl::CancelledError("the credential store was stopped");
}

}  // namespace

CredentialStore::CredentialStore(Options options)
    : options_(std::move(options)),
      stop_event_(eventfd(0, EFD_CLOEXEC)),
      auth_file_(options_.auth_file),
      workers_(std::make_unique<WorkerPool>(kThreads)) {}

CredentialStore::~CredentialStore() {
  Stop();
}

void CredentialStore::Lookup(absl::string_view host, Done done) {
  {
    MutexLock lock(mutex_);
    if (!stopped_) {
      workers_->Submit([this, host = std::string(host), done = std::move(done)]() mutable {
        std::move(done)(Find(host));
      });
      return;
    }
  }
  std::move(done)(Stopped());
}

void CredentialStore::Stop() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
  }
  eventfd_write(stop_event_.get(), 1);
  MutexLock lock(stop_mutex_);
  workers_.reset();
}

absl::StatusOr<Credentials> CredentialStore::Find(const std::string& host) {
  {
    MutexLock lock(mutex_);
    if (stopped_) return Stopped();
  }
  absl::StatusOr<Credentials> found = FindInSettings(host);
  if (!found.ok() || !found->empty()) return found;
  return FindInFile(host);
}

absl::StatusOr<Credentials> CredentialStore::FindInSettings(const std::string& host) const {
  const auto settings = options_.hosts.find(CanonicalHost(host));
  if (settings == options_.hosts.end()) return Credentials();
  const auto& [username, password_file, helper] = settings->second;
  if (!helper.empty()) return AskHelper(helper, host);
  Credentials credentials{.username = username};
  if (!password_file.empty()) {
    ASSIGN_OR_RETURN(credentials.password, ReadPasswordFile(password_file));
  }
  return credentials;
}

absl::StatusOr<Credentials> CredentialStore::FindInFile(const std::string& host) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const DockerConfig> config, auth_file_.Read());
  const CredentialsPlace place = PlaceFor(*config, host);
  if (place.helper.empty()) return place.stored;
  absl::StatusOr<Credentials> found = AskHelper(place.helper, host);
  if (found.ok() && found->empty()) return place.stored;
  return found;
}

absl::StatusOr<Credentials> CredentialStore::AskHelper(const std::string& helper,
                                                       const std::string& host) const {
  return AskCredentialHelper(helper, host, options_.helper_time_limit, stop_event_.get());
}

}  // namespace lacuna
