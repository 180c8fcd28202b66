// The daemon's configuration: what lacunad.toml may say, and the defaults where it is silent.
//
// Read once at start by lacunad (and by `lacunactl doctor`); constant afterwards. Every key is described for
// people in deploy/lacunad.toml; a test keeps the two in step. Only config.cc knows toml++.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/clock.h"
#include "registry/registries.h"

namespace lacuna {

inline constexpr char kDefaultConfigPath[] = "/etc/lacuna/lacunad.toml";

struct Config {
  struct Daemon {
    std::string root = "/var/lib/lacuna";
    std::string run = "/run/lacuna";
    friend bool operator==(const Daemon&, const Daemon&) = default;
  };
  struct Door {
    std::string kind = "auto";  // "auto", "cachefiles" or "fuse"
    bool fuse_loop = false;
    friend bool operator==(const Door&, const Door&) = default;
  };
  struct Fetch {
    Duration read_deadline = std::chrono::seconds(30);
    Duration failure_memory = std::chrono::seconds(2);
    Duration connect_timeout = std::chrono::seconds(5);
    Duration stall_timeout = std::chrono::seconds(10);
    int min_bytes_per_second = 1024;
    int demand_connections = 64;  // per host, as the two below
    int prefetch_connections = 4;
    int requests_per_second = 0;                 // 0: as many as there are
    std::string certs_dirs = kDefaultCertsDirs;  // "DIR:DIR"
    std::string auth_file;                       // empty: where docker has it
    friend bool operator==(const Fetch&, const Fetch&) = default;
  };
  struct Cache {
    Duration commit_interval = std::chrono::seconds(1);
    friend bool operator==(const Cache&, const Cache&) = default;
  };
  struct Index {
    std::string trust = "tag";  // "tag", "all" or "none"
    friend bool operator==(const Index&, const Index&) = default;
  };
  struct Registry {
    bool plain_http = false;
    std::string index_trust;  // empty: index.trust
    // Where its credentials are, before the auth file's. A helper, or a user.
    std::string username;
    std::string password_file;
    std::string credential_helper;
    friend bool operator==(const Registry&, const Registry&) = default;
  };
  struct Snapshotter {
    std::string containerd = "/run/containerd/containerd.sock";
    friend bool operator==(const Snapshotter&, const Snapshotter&) = default;
  };
  struct Log {
    std::string level = "info";
    friend bool operator==(const Log&, const Log&) = default;
  };

  Daemon daemon;
  Door door;
  Fetch fetch;
  Cache cache;
  Index index;
  std::map<std::string, Registry> registries;  // by host as in a reference: "registry.example:5000"
  Snapshotter snapshotter;
  Log log;
  friend bool operator==(const Config&, const Config&) = default;
};

// `text` is TOML 1.0; `name` is what errors call it. InvalidArgument reads "NAME:LINE: what is wrong", for a
// syntax error, an unknown table or key, and a value of the wrong type or out of its range.
absl::StatusOr<Config> ParseConfig(absl::string_view text, absl::string_view name);

absl::StatusOr<Config> LoadConfig(const std::string& path);
// The file at kDefaultConfigPath, or the defaults when there is none.
absl::StatusOr<Config> LoadDefaultConfig();

// What `door.kind` and `lacunad --door` accept.
absl::Status CheckDoorKind(absl::string_view kind);

// Every key there is, as "table.key"; for a registry's, "registry.HOST.key".
std::vector<std::string> KnownConfigKeys();

}  // namespace lacuna
