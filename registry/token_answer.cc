#include "registry/token_answer.h"

#include <algorithm>
#include <cstdint>

#include "daemon/base/status.h"
#include "registry/credentials.h"
#include "registry/json_reader.h"

namespace lacuna {
namespace {

constexpr size_t kMaxAnswerBytes = 1024 * 1024;

Duration LifetimeOf(const Json& answer) {
  const Json* value = JsonMember(answer, "expires_in");
  if (value == nullptr || !value->is_number_integer()) return kDefaultTokenLifetime;
  // Bounded before it becomes a Duration, whose nanoseconds would overflow. The parser gives numbers that are
  // not negative a type of their own.
  constexpr int64_t kMaxSeconds = std::chrono::duration_cast<std::chrono::seconds>(kMaxTokenLifetime).count();
  const int64_t seconds = value->is_number_unsigned()
                              ? static_cast<int64_t>(std::min<uint64_t>(value->get<uint64_t>(), kMaxSeconds))
                              : 0;
  return std::clamp<Duration>(std::chrono::seconds(seconds), kMinTokenLifetime, kMaxTokenLifetime);
}

}  // namespace

absl::StatusOr<TokenAnswer> ParseTokenAnswer(absl::string_view json) {
  ASSIGN_OR_RETURN(const Json document, ParseJsonObject(json, kMaxAnswerBytes));
  TokenAnswer answer{.lifetime = LifetimeOf(document)};
  RETURN_IF_ERROR(ReadJsonString(document, "token", &answer.token));
  if (answer.token.empty()) RETURN_IF_ERROR(ReadJsonString(document, "access_token", &answer.token));
  if (answer.token.empty()) return absl::InvalidArgumentError("it has neither token nor access_token");
  if (!IsBearerToken(answer.token)) return WrongField("token", "has characters that no header may carry");
  RETURN_IF_ERROR(ReadJsonString(document, "refresh_token", &answer.refresh_token));
  return answer;
}

}  // namespace lacuna
