#include "daemon/config.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <toml++/toml.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/duration.h"
#include "daemon/base/log.h"
#include "daemon/base/read_file.h"
#include "daemon/base/status.h"
#include "daemon/index_trust.h"
#include "registry/helper_protocol.h"

namespace lacuna {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr int kMaxConnections = 1024;
constexpr int kMaxRate = 1'000'000;

// One key of a table: checks the value and puts it into the table's struct.
template <typename Table>
struct Key {
  const char* name;
  std::function<absl::Status(const toml::node&, Table&)> set;
};
template <typename Table>
using Keys = std::vector<Key<Table>>;

template <typename Table>
auto Bool(bool Table::*member) {
  return [=](const toml::node& value, Table& table) {
    if (!value.is_boolean()) return absl::InvalidArgumentError("expected true or false");
    table.*member = value.ref<bool>();
    return absl::OkStatus();
  };
}

template <typename Table>
auto Number(int min, int max, int Table::*member) {
  return [=](const toml::node& value, Table& table) {
    const int64_t number = value.value_exact<int64_t>().value_or(min - 1);
    if (number < min || number > max) {
      return absl::InvalidArgumentError(absl::StrCat("expected a whole number from ", min, " to ", max));
    }
    table.*member = static_cast<int>(number);
    return absl::OkStatus();
  };
}

template <typename Table>
auto DurationFrom(Duration min, Duration Table::*member) {
  return [=](const toml::node& value, Table& table) -> absl::Status {
    if (!value.is_string()) {
      return absl::InvalidArgumentError(
          "expected a duration in quotes, for example \"30s\", \"500ms\" or \"2m\"");
    }
    ASSIGN_OR_RETURN(const Duration duration, ParseDuration(value.ref<std::string>()));
    if (duration < min || duration > hours(1)) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected a duration from ", FormatDuration(min), " to ", FormatDuration(hours(1))));
    }
    table.*member = duration;
    return absl::OkStatus();
  };
}

// A string that `check` accepts.
template <typename Table>
auto String(std::string Table::*member, absl::Status (*check)(const std::string&)) {
  return [=](const toml::node& value, Table& table) -> absl::Status {
    if (!value.is_string()) return absl::InvalidArgumentError("expected a string in quotes");
    RETURN_IF_ERROR(check(value.ref<std::string>()));
    table.*member = value.ref<std::string>();
    return absl::OkStatus();
  };
}

// A string that `check` accepts; empty: not set.
template <typename Table>
auto OptionalString(std::string Table::*member, absl::Status (*check)(const std::string&)) {
  return [=](const toml::node& value, Table& table) -> absl::Status {
    if (value.is_string() && value.ref<std::string>().empty()) return absl::OkStatus();
    return String(member, check)(value, table);
  };
}

absl::Status CheckPath(const std::string& path) {
  if (absl::StartsWith(path, "/") && path.find('\0') == std::string::npos) return absl::OkStatus();
  return absl::InvalidArgumentError("expected an absolute path");
}

absl::Status CheckFolders(const std::string& folders) {
  for (const std::string& folder : SplitCertsDirs(folders)) RETURN_IF_ERROR(CheckPath(folder));
  return absl::OkStatus();
}

absl::Status CheckUser(const std::string& name) {
  if (name.find_first_of(":\n") == std::string::npos) return absl::OkStatus();
  return absl::InvalidArgumentError("expected a user name, without colon");
}

// It becomes part of a program's name.
absl::Status CheckHelper(const std::string& name) {
  if (IsHelperName(name)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "expected what follows \"docker-credential-\" in the helper's name, such as \"pass\"");
}

absl::Status CheckLogLevel(const std::string& level) {
  for (const char* known : {"debug", "info", "warning", "error"}) {
    if (level == known) return absl::OkStatus();
  }
  return absl::InvalidArgumentError("expected \"debug\", \"info\", \"warning\" or \"error\"");
}

const Keys<Config::Daemon>& DaemonKeys() {
  static const auto& keys = *new Keys<Config::Daemon>{{"root", String(&Config::Daemon::root, CheckPath)},
                                                      {"run", String(&Config::Daemon::run, CheckPath)}};
  return keys;
}

const Keys<Config::Door>& DoorKeys() {
  static const auto& keys = *new Keys<Config::Door>{
      {"kind", String(&Config::Door::kind, [](const std::string& kind) { return CheckDoorKind(kind); })},
      {"fuse_loop", Bool(&Config::Door::fuse_loop)}};
  return keys;
}

const Keys<Config::Fetch>& FetchKeys() {
  using Fetch = Config::Fetch;
  static const auto& keys = *new Keys<Fetch>{
      {"read_deadline", DurationFrom(milliseconds(100), &Fetch::read_deadline)},
      {"failure_memory", DurationFrom(milliseconds(0), &Fetch::failure_memory)},
      {"connect_timeout", DurationFrom(milliseconds(100), &Fetch::connect_timeout)},
      {"stall_timeout", DurationFrom(milliseconds(100), &Fetch::stall_timeout)},
      {"min_bytes_per_second", Number(0, kMaxRate, &Fetch::min_bytes_per_second)},
      {"demand_connections", Number(1, kMaxConnections, &Fetch::demand_connections)},
      {"prefetch_connections", Number(1, kMaxConnections, &Fetch::prefetch_connections)},
      {"requests_per_second", Number(0, kMaxRate, &Fetch::requests_per_second)},
      {"certs_dirs", OptionalString(&Fetch::certs_dirs, CheckFolders)},
      {"auth_file", OptionalString(&Fetch::auth_file, CheckPath)},
  };
  return keys;
}

const Keys<Config::Cache>& CacheKeys() {
  static const auto& keys = *new Keys<Config::Cache>{
      {"commit_interval", DurationFrom(milliseconds(10), &Config::Cache::commit_interval)}};
  return keys;
}

absl::Status CheckIndexTrust(const std::string& trust) {
  return ParseIndexTrust(trust).status();
}

const Keys<Config::Index>& IndexKeys() {
  static const auto& keys =
      *new Keys<Config::Index>{{"trust", String(&Config::Index::trust, CheckIndexTrust)}};
  return keys;
}

const Keys<Config::Registry>& RegistryKeys() {
  static const auto& keys = *new Keys<Config::Registry>{
      {"plain_http", Bool(&Config::Registry::plain_http)},
      {"index_trust", OptionalString(&Config::Registry::index_trust, CheckIndexTrust)},
      {"username", OptionalString(&Config::Registry::username, CheckUser)},
      {"password_file", OptionalString(&Config::Registry::password_file, CheckPath)},
      {"credential_helper", OptionalString(&Config::Registry::credential_helper, CheckHelper)},
  };
  return keys;
}

const Keys<Config::Snapshotter>& SnapshotterKeys() {
  static const auto& keys =
      *new Keys<Config::Snapshotter>{{"containerd", String(&Config::Snapshotter::containerd, CheckPath)}};
  return keys;
}

const Keys<Config::Log>& LogKeys() {
  static const auto& keys = *new Keys<Config::Log>{{"level", String(&Config::Log::level, CheckLogLevel)}};
  return keys;
}

// Reads one file: all errors name it and the line.
class Reader {
 public:
  explicit Reader(absl::string_view name) : name_(name) {}

  absl::StatusOr<Config> Read(const toml::table& file) const {
    Config config;
    for (const auto& [key, node] : file) {
      if (!node.is_table()) return Unknown(key, "key", key.str(), TableNames());
      RETURN_IF_ERROR(ReadTable(key, *node.as_table(), config));
    }
    return config;
  }

  absl::Status Error(uint32_t line, absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(name_, ":", line, ": ", what));
  }

 private:
  static std::string TableNames() {
    return "[daemon], [door], [fetch], [cache], [index], [registry.\"HOST\"], [snapshotter], [log]";
  }

  absl::Status ReadTable(const toml::key& key, const toml::table& table, Config& config) const {
    const std::string_view name = key.str();
    if (name == "daemon") return ReadKeys("daemon", table, DaemonKeys(), config.daemon);
    if (name == "door") return ReadKeys("door", table, DoorKeys(), config.door);
    if (name == "fetch") return ReadKeys("fetch", table, FetchKeys(), config.fetch);
    if (name == "cache") return ReadKeys("cache", table, CacheKeys(), config.cache);
    if (name == "index") return ReadKeys("index", table, IndexKeys(), config.index);
    if (name == "registry") return ReadRegistries(table, config);
    if (name == "snapshotter") return ReadKeys("snapshotter", table, SnapshotterKeys(), config.snapshotter);
    if (name == "log") return ReadKeys("log", table, LogKeys(), config.log);
    return Unknown(key, "table", absl::StrCat("[", ToView(name), "]"), TableNames());
  }

  absl::Status ReadRegistries(const toml::table& table, Config& config) const {
    for (const auto& [key, node] : table) {
      const std::string host(key.str());
      if (!node.is_table()) return Error(LineOf(key), "write registries as [registry.\"HOST\"]");
      if (host.empty() || host.find_first_of("/ ") != std::string::npos) {
        return Error(LineOf(key),
                     absl::StrCat("[registry.\"", host, "\"]: expected a host as a reference has it, ",
                                  "for example registry.example or registry.example:5000"));
      }
      Config::Registry& registry = config.registries[host];
      RETURN_IF_ERROR(
          ReadKeys(absl::StrCat("registry.\"", host, "\""), *node.as_table(), RegistryKeys(), registry));
      if (registry.username.empty() != registry.password_file.empty()) {
        return Error(LineOf(key),
                     absl::StrCat("[registry.\"", host, "\"]: username and password_file go together"));
      }
    }
    return absl::OkStatus();
  }

  template <typename Table>
  absl::Status ReadKeys(const std::string& name, const toml::table& table, const Keys<Table>& keys,
                        Table& out) const {
    for (const auto& [key, node] : table) {
      const std::string full_name = absl::StrCat(name, ".", ToView(key.str()));
      const auto known = std::find_if(keys.begin(), keys.end(),
                                      [&key = key](const Key<Table>& k) { return key.str() == k.name; });
      if (known == keys.end()) return Unknown(key, "key", full_name, Names(keys));
      const absl::Status status = known->set(node, out);
      if (!status.ok()) return Error(LineOf(key), absl::StrCat(full_name, ": ", status.message()));
    }
    return absl::OkStatus();
  }

  template <typename Table>
  static std::string Names(const Keys<Table>& keys) {
    return absl::StrJoin(keys, ", ", [](std::string* out, const Key<Table>& key) { out->append(key.name); });
  }

  absl::Status Unknown(const toml::key& key, absl::string_view kind, std::string_view name,
                       absl::string_view known) const {
    return Error(LineOf(key), absl::StrCat("unknown ", kind, " '", ToView(name), "'; known here: ", known));
  }

  static uint32_t LineOf(const toml::key& key) { return key.source().begin.line; }
  static absl::string_view ToView(std::string_view text) { return {text.data(), text.size()}; }

  const std::string name_;
};

template <typename Table>
void AppendNames(absl::string_view table, const Keys<Table>& keys, std::vector<std::string>& out) {
  for (const Key<Table>& key : keys) out.push_back(absl::StrCat(table, ".", key.name));
}

}  // namespace

absl::StatusOr<Config> ParseConfig(absl::string_view text, absl::string_view name) {
  const Reader reader(name);
  try {
    return reader.Read(toml::parse(std::string_view(text.data(), text.size())));
  } catch (const toml::parse_error& error) {  // Debian's toml++ is built with exceptions
    const std::string_view what = error.description();
    return reader.Error(error.source().begin.line, absl::string_view(what.data(), what.size()));
  }
}

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadSmallFile(path);
  if (!text.ok()) return Annotate(text.status(), "configuration");
  return ParseConfig(*text, path);
}

absl::StatusOr<Config> LoadDefaultConfig() {
  absl::StatusOr<Config> config = LoadConfig(kDefaultConfigPath);
  if (absl::IsNotFound(config.status())) return Config();
  return config;
}

absl::Status CheckDoorKind(absl::string_view kind) {
  if (kind == "auto" || kind == "cachefiles" || kind == "fuse") return absl::OkStatus();
  return absl::InvalidArgumentError("expected \"auto\", \"cachefiles\" or \"fuse\"");
}

std::vector<std::string> KnownConfigKeys() {
  std::vector<std::string> names;
  AppendNames("daemon", DaemonKeys(), names);
  AppendNames("door", DoorKeys(), names);
  AppendNames("fetch", FetchKeys(), names);
  AppendNames("cache", CacheKeys(), names);
  AppendNames("index", IndexKeys(), names);
  AppendNames("registry.HOST", RegistryKeys(), names);
  AppendNames("snapshotter", SnapshotterKeys(), names);
  AppendNames("log", LogKeys(), names);
  return names;
}

}  // namespace lacuna
