#include "registry/helper_protocol.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "registry/json_reader.h"

namespace lacuna {
namespace {

constexpr size_t kMaxAnswerBytes = 1024 * 1024;
constexpr absl::string_view kDockerHub = "docker.io";
constexpr absl::string_view kDockerHubUrl = "https://index.docker.io/v1/";

}  // namespace

bool IsHelperName(absl::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
  });
}

std::string CanonicalHost(absl::string_view host) {
  if (host == "index.docker.io" || host == "registry-1.docker.io") return std::string(kDockerHub);
  return std::string(host);
}

std::string HelperServerUrl(absl::string_view host) {
  std::string canonical = CanonicalHost(host);
  return canonical == kDockerHub ? std::string(kDockerHubUrl) : canonical;
}

absl::StatusOr<Credentials> ParseHelperAnswer(absl::string_view json) {
  const absl::StatusOr<Json> answer = ParseJsonObject(json, kMaxAnswerBytes);
  const Json* const username = answer.ok() ? JsonMember(*answer, "Username") : nullptr;
  const Json* const secret = answer.ok() ? JsonMember(*answer, "Secret") : nullptr;
  if (username == nullptr || secret == nullptr || !username->is_string() || !secret->is_string()) {
    return absl::InvalidArgumentError("its answer is no JSON object with Username and Secret");
  }
  if (*username == "<token>") return Credentials{.identity_token = secret->get<std::string>()};
  return Credentials{.username = username->get<std::string>(), .password = secret->get<std::string>()};
}

bool SaysNotFound(absl::string_view output) {
  return absl::StrContains(output, "credentials not found");
}

}  // namespace lacuna
