#include "registry/layout_version.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/json_reader.h"

namespace lacuna {
namespace {

constexpr size_t kMaxBytes = 1024 * 1024;
constexpr char kField[] = "imageLayoutVersion";

}  // namespace

absl::Status CheckLayoutVersion(absl::string_view text) {
  ASSIGN_OR_RETURN(const Json document, ParseJsonObject(text, kMaxBytes));
  std::string version;
  RETURN_IF_ERROR(ReadJsonString(document, kField, &version));
  if (absl::StartsWith(version, "1.")) return absl::OkStatus();
  return WrongField(kField, "is not 1.0.0, the version that is known here");
}

std::string LayoutVersion() {
  return absl::StrCat("{\"", kField, "\":\"1.0.0\"}");
}

}  // namespace lacuna
