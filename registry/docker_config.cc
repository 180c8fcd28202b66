#include "registry/docker_config.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/base/escape.h"
#include "daemon/base/status.h"
#include "registry/helper_protocol.h"
#include "registry/json_reader.h"

namespace lacuna {
namespace {

// The host that a key of `auths` or `credHelpers` stands for; empty when it stands for no whole registry.
std::string HostOfKey(absl::string_view key) {
  if (!absl::ConsumePrefix(&key, "https://")) absl::ConsumePrefix(&key, "http://");
  const size_t slash = key.find('/');
  const absl::string_view path = slash == absl::string_view::npos ? "" : key.substr(slash);
  if (path != "" && path != "/" && path != "/v1" && path != "/v1/" && path != "/v2" && path != "/v2/")
    return "";
  const absl::string_view host = key.substr(0, slash);
  // What stands before an '@' may be a password: it must not get into a message as part of a host.
  if (absl::StrContains(host, "@")) return "";
  return CanonicalHost(host);
}

absl::Status WrongEntry(absl::string_view field, absl::string_view host, absl::string_view problem) {
  return WrongField(absl::StrCat(field, ": ", EscapeForTerminal(host.substr(0, 100))), problem);
}

// base64 of "USER:PASSWORD".
bool DecodeAuth(absl::string_view base64, Credentials* credentials) {
  std::string decoded;
  if (!absl::Base64Unescape(base64, &decoded) || !absl::StrContains(decoded, ":")) return false;
  const Credentials parsed = ParseUserPassword(decoded);
  credentials->username = parsed.username;
  // Old versions of docker filled the text up with NULs.
  credentials->password = parsed.password.substr(0, parsed.password.find_last_not_of('\0') + 1);
  return true;
}

absl::StatusOr<Credentials> ReadEntry(const Json& entry, absl::string_view host) {
  constexpr absl::string_view kField = "auths";
  if (!entry.is_object()) return WrongEntry(kField, host, "is not an object");
  Credentials credentials;
  std::string auth;
  for (const auto& [name, out] : {std::pair{"username", &credentials.username},
                                  {"password", &credentials.password},
                                  {"identitytoken", &credentials.identity_token},
                                  {"registrytoken", &credentials.registry_token},
                                  {"auth", &auth}}) {
    const absl::Status status = ReadJsonString(entry, name, out);
    if (!status.ok()) return WrongEntry(kField, host, status.message());
  }
  if (!auth.empty() && !DecodeAuth(auth, &credentials)) {
    return WrongEntry(kField, host, "auth: is not the base64 of USER:PASSWORD");
  }
  if (!credentials.registry_token.empty() && !IsBearerToken(credentials.registry_token)) {
    return WrongEntry(kField, host, "registrytoken: has characters that no header may carry");
  }
  return credentials;
}

// Adds a key's value to `out`, unless docker's own spelling of the key has been there.
template <typename Value>
void Put(absl::string_view key, const std::string& host, Value value, std::map<std::string, Value>* out) {
  if (key == HelperServerUrl(host)) {
    out->insert_or_assign(host, std::move(value));
  } else {
    out->try_emplace(host, std::move(value));
  }
}

// A field that is an object, or an empty object where there is none.
absl::StatusOr<Json> ReadObject(const Json& document, const char* name) {
  const Json* value = JsonMember(document, name);
  if (value == nullptr) return Json::object();
  if (!value->is_object()) return WrongField(name, "is not an object");
  return *value;
}

absl::Status ReadAuths(const Json& document, DockerConfig* config) {
  ASSIGN_OR_RETURN(const Json auths, ReadObject(document, "auths"));
  for (const auto& [key, entry] : auths.items()) {
    const std::string host = HostOfKey(key);
    if (host.empty()) continue;
    ASSIGN_OR_RETURN(Credentials credentials, ReadEntry(entry, host));
    // Docker leaves an empty entry for what it gave to a helper.
    if (!credentials.empty()) Put(key, host, std::move(credentials), &config->auths);
  }
  return absl::OkStatus();
}

absl::Status ReadHelpers(const Json& document, DockerConfig* config) {
  constexpr char kProblem[] = "is not the name of a credential helper";
  RETURN_IF_ERROR(ReadJsonString(document, "credsStore", &config->creds_store));
  if (!config->creds_store.empty() && !IsHelperName(config->creds_store)) {
    return WrongField("credsStore", kProblem);
  }
  ASSIGN_OR_RETURN(const Json helpers, ReadObject(document, "credHelpers"));
  for (const auto& [key, name] : helpers.items()) {
    const std::string host = HostOfKey(key);
    if (host.empty()) continue;
    if (!name.is_string() || (name != "" && !IsHelperName(name.get_ref<const std::string&>()))) {
      return WrongEntry("credHelpers", host, kProblem);
    }
    Put(key, host, name.get<std::string>(), &config->cred_helpers);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DockerConfig> ParseDockerConfig(absl::string_view json) {
  ASSIGN_OR_RETURN(const Json document, ParseJsonObject(json, kMaxDockerConfigBytes));
  DockerConfig config;
  RETURN_IF_ERROR(ReadAuths(document, &config));
  RETURN_IF_ERROR(ReadHelpers(document, &config));
  return config;
}

CredentialsPlace PlaceFor(const DockerConfig& config, absl::string_view host) {
  const std::string canonical = CanonicalHost(host);
  const auto helper = config.cred_helpers.find(canonical);
  const auto stored = config.auths.find(canonical);
  return {.helper = helper == config.cred_helpers.end() ? config.creds_store : helper->second,
          .stored = stored == config.auths.end() ? Credentials() : stored->second};
}

}  // namespace lacuna
