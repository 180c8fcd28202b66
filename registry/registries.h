// All registries of a program: makes each from its configuration on disk when it is first asked for, keeps it
// up to date, and shares between them what is one per host.
//
// Made once, by lacunad and lacuna-image. Thread-safe. Get reads files; what it gives lives at most as long
// as this.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/base/mutex.h"
#include "daemon/base/worker_pool.h"
#include "registry/credential_store.h"
#include "registry/fetch_counters.h"
#include "registry/registry.h"
#include "registry/registry_context.h"

namespace lacuna {

// Where containerd, docker and we ourselves keep what is to be known of registry hosts (hosts_config.h).
inline constexpr char kDefaultCertsDirs[] = "/etc/lacuna/certs.d:/etc/containerd/certs.d:/etc/docker/certs.d";

class Registries {
 public:
  struct Options {
    HostGate::Limits gate;
    TransferLimits transfer;
    std::vector<std::string> certs_dirs;
    CredentialStore::Options credentials;
  };

  // `transport` and `clock` outlive this.
  Registries(HttpTransport& transport, Clock& clock, Options options);
  ~Registries();  // Stop()

  // The registry that references call `host`; without TLS for a loopback host, or when `plain_http`, unless
  // its configuration says otherwise. `user_password` ("USER[:PASSWORD]", empty: none) goes before the
  // credentials that are on disk, for the registry itself and not for its mirrors.
  absl::StatusOr<std::shared_ptr<Registry>> Get(const std::string& host, bool plain_http,
                                                const std::string& user_password = "");

  FetchStats stats() const { return counters_.stats(); }
  FetchCounters& counters() { return counters_; }

  // Ends what waits, for its turn or for credentials, with Cancelled; what comes later ends so at once.
  // Transfers under way are the transport's. Idempotent.
  void Stop();

 private:
  class Watched;
  using Key = std::pair<std::string, bool>;  // host, plain HTTP

  absl::StatusOr<std::shared_ptr<Registry>> Make(const std::string& host, bool plain_http,
                                                 const std::string& user_password);

  const Options options_;
  FetchCounters counters_;
  CredentialStore credentials_;
  HostGates gates_;
  const RegistryContext context_;

  Mutex mutex_;
  std::map<Key, std::shared_ptr<Registry>> registries_ ABSL_GUARDED_BY(mutex_);  // without user_password

  WorkerPool reloads_;  // last: its tasks use the members above
};

// The folders of a "DIR:DIR" list, as containerd's config_path has them.
std::vector<std::string> SplitCertsDirs(absl::string_view dirs);

}  // namespace lacuna
