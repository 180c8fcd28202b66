#include "registry/image_config.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/json_reader.h"

namespace lacuna {
namespace {

absl::StatusOr<std::vector<Digest>> ReadDiffIds(const Json& config) {
  const Json* rootfs = JsonMember(config, "rootfs");
  if (rootfs == nullptr || !rootfs->is_object()) return WrongField("rootfs", "is not an object");
  const Json* ids = JsonMember(*rootfs, "diff_ids");
  if (ids == nullptr || !ids->is_array()) return WrongField("rootfs.diff_ids", "is not an array");
  std::vector<Digest> diff_ids;
  for (const Json& id : *ids) {
    absl::StatusOr<Digest> parsed =
        Digest::Parse(id.is_string() ? id.get_ref<const std::string&>() : std::string());
    if (!parsed.ok())
      return WrongField(absl::StrCat("rootfs.diff_ids[", diff_ids.size(), "]"), parsed.status().message());
    diff_ids.push_back(*std::move(parsed));
  }
  return diff_ids;
}

}  // namespace

absl::StatusOr<ImageConfig> ParseImageConfig(absl::string_view json) {
  ASSIGN_OR_RETURN(const Json document, ParseJsonObject(json, kMaxConfigBytes));
  ImageConfig config;
  RETURN_IF_ERROR(ReadJsonString(document, "os", &config.platform.os));
  RETURN_IF_ERROR(ReadJsonString(document, "architecture", &config.platform.architecture));
  RETURN_IF_ERROR(ReadJsonString(document, "variant", &config.platform.variant));
  ASSIGN_OR_RETURN(config.diff_ids, ReadDiffIds(document));
  return config;
}

}  // namespace lacuna
