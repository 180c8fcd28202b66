#include "registry/registries.h"

#include "absl/strings/str_split.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr std::chrono::seconds kLookInterval(1);

}  // namespace

// A registry whose configuration is looked at again when it is used, at most once in kLookInterval.
class Registries::Watched : public std::enable_shared_from_this<Watched> {
 public:
  Watched(Registries& owner, std::string host, bool plain_http, HostsConfig config)
      : owner_(owner),
        host_(std::move(host)),
        plain_http_(plain_http),
        looked_at_(owner.context_.clock.Now()),
        config_(std::move(config)) {}

  // Any thread; does not block.
  void BeforeSend(const std::weak_ptr<Registry>& registry) {
    {
      MutexLock lock(mutex_);
      const TimePoint now = owner_.context_.clock.Now();
      if (looking_ || now < looked_at_ + kLookInterval) return;
      looking_ = true;
      looked_at_ = now;
    }
    owner_.reloads_.Submit([self = shared_from_this(), registry] { self->Look(registry); });
  }

 private:
  // The pool's thread. What cannot be read leaves everything as it was.
  void Look(const std::weak_ptr<Registry>& weak) {
    HostsConfig before;
    {
      MutexLock lock(mutex_);
      before = config_;
    }
    absl::StatusOr<HostsConfig> now = before;
    if (Changed(before)) now = Reload(weak);
    MutexLock lock(mutex_);
    if (now.ok()) config_ = *std::move(now);
    looking_ = false;
  }

  absl::StatusOr<HostsConfig> Reload(const std::weak_ptr<Registry>& weak) {
    absl::StatusOr<HostsConfig> config = LoadHostsConfig(owner_.options_.certs_dirs, host_, plain_http_);
    if (!config.ok() && config.status() != complained_of_) {
      LogWarning(host_, " stays configured as it was: ", config.status().message());
    }
    const std::shared_ptr<Registry> registry = weak.lock();
    if (config.ok() && registry != nullptr) {
      registry->SetEndpoints(config->endpoints);
      LogInfo(host_, " is configured anew");
    }
    complained_of_ = config.status();
    return config;
  }

  Registries& owner_;
  const std::string host_;
  const bool plain_http_;
  absl::Status complained_of_;  // the pool's thread only

  Mutex mutex_;
  bool looking_ ABSL_GUARDED_BY(mutex_) = false;
  TimePoint looked_at_ ABSL_GUARDED_BY(mutex_);
  HostsConfig config_ ABSL_GUARDED_BY(mutex_);
};

Registries::Registries(HttpTransport& transport, Clock& clock, Options options)
    : options_(std::move(options)),
      credentials_(options_.credentials),
      gates_(options_.gate, clock),
      context_{transport, clock, gates_, counters_, options_.transfer},
      reloads_(1) {}

Registries::~Registries() {
  Stop();
}

void Registries::Stop() {
  gates_.Close(absl::CancelledError("shutting down"));
  credentials_.Stop();
}

absl::StatusOr<std::shared_ptr<Registry>> Registries::Get(const std::string& host, bool plain_http,
                                                          const std::string& user_password) {
  if (!user_password.empty()) return Make(host, plain_http, user_password);
  {
    MutexLock lock(mutex_);
    if (const auto found = registries_.find({host, plain_http}); found != registries_.end())
      return found->second;
  }
  ASSIGN_OR_RETURN(std::shared_ptr<Registry> made, Make(host, plain_http, ""));
  MutexLock lock(mutex_);
  return registries_.emplace(Key(host, plain_http), std::move(made)).first->second;
}

absl::StatusOr<std::shared_ptr<Registry>> Registries::Make(const std::string& host, bool plain_http,
                                                           const std::string& user_password) {
  ASSIGN_OR_RETURN(HostsConfig config, LoadHostsConfig(options_.certs_dirs, host, plain_http));
  std::vector<RegistryEndpoint> endpoints = config.endpoints;
  auto watched = std::make_shared<Watched>(*this, host, plain_http, std::move(config));
  auto self = std::make_shared<std::weak_ptr<Registry>>();
  auto lookup = [this, host, given = ParseUserPassword(user_password)](const std::string& of,
                                                                       Authenticator::LookupDone done) {
    if (!given.empty() && of == host) return std::move(done)(given);
    credentials_.Lookup(of, std::move(done));
  };
  auto registry = std::make_shared<Registry>(context_, host, std::move(endpoints), std::move(lookup),
                                             [watched, self] { watched->BeforeSend(*self); });
  *self = registry;
  return registry;
}

std::vector<std::string> SplitCertsDirs(absl::string_view dirs) {
  return absl::StrSplit(dirs, ':', absl::SkipEmpty());
}

}  // namespace lacuna
