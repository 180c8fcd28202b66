#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "daemon/cli/output.h"

namespace lacuna {
namespace {

namespace api = control::v1;
using Json = nlohmann::ordered_json;  // keys stay in the order written here

constexpr int kSchema = 1;
constexpr int kIndent = 2;

Json Document() {
  return {{"schema", kSchema}};
}

// What is not UTF-8 (a file name may hold anything) has U+FFFD instead: JSON cannot hold it.
std::string Print(const Json& document) {
  return document.dump(kIndent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

Json TimeJson(int64_t unix_seconds) {
  return unix_seconds == 0 ? Json(nullptr) : Json(FormatTime(unix_seconds));
}

Json ToObject(const api::Mount& mount) {
  return {{"directory", mount.directory()},
          {"reference", mount.reference()},
          {"manifest_digest", mount.manifest_digest()},
          {"door", mount.door()},
          {"since", TimeJson(mount.since_unix_seconds())}};
}

Json ToObject(const api::Image& image) {
  return {{"reference", image.reference()},   {"manifest_digest", image.manifest_digest()},
          {"size_bytes", image.size_bytes()}, {"present_bytes", image.present_bytes()},
          {"mounts", image.mounts()},         {"last_used", TimeJson(image.last_used_unix_seconds())}};
}

Json ToObject(const api::Object& object) {
  return {{"key", object.key()},
          {"size", object.size_bytes()},
          {"present_bytes", object.present_bytes()},
          {"state", NameOf(object.state())},
          {"verified", NameOf(object.verified())},
          {"mounts", object.mounts()}};
}

Json ToObject(const HostCheck& check) {
  return {{"name", check.name},
          {"result", std::string(ToString(check.result))},
          {"found", check.found},
          {"advice", check.advice}};
}

template <typename Items>
Json ToArray(const Items& items) {
  Json array = Json::array();
  for (const auto& item : items) array.push_back(ToObject(item));
  return array;
}

// By HTTP status; "0" counts the requests without an answer.
Json RequestsJson(const api::GetStatusResponse& status) {
  Json requests = Json::object();
  for (const auto& [code, count] : status.requests_by_code()) requests[absl::StrCat(code)] = count;
  return requests;
}

}  // namespace

std::string ToJson(const api::MountResponse& response) {
  Json document = Document();
  document["mount"] = ToObject(response.mount());
  return Print(document);
}

std::string ToJson(const api::UnmountResponse& response) {
  Json document = Document();
  document["unmounted"] = response.unmounted();
  return Print(document);
}

std::string ToJson(const api::ListImagesResponse& response) {
  Json document = Document();
  document["images"] = ToArray(response.images());
  return Print(document);
}

std::string ToJson(const api::ListMountsResponse& response) {
  Json document = Document();
  document["mounts"] = ToArray(response.mounts());
  return Print(document);
}

std::string ToJson(const api::GetStatusResponse& status) {
  Json document = Document();
  document["version"] = status.version();
  document["door"] = status.door();
  document["root"] = status.root();
  document["bytes_fetched"] = {{"demand", status.bytes_fetched().demand()},
                               {"prefetch", status.bytes_fetched().prefetch()},
                               {"fill", status.bytes_fetched().fill()}};
  document["requests"] = RequestsJson(status);
  document["misses"] = status.misses();
  document["parked_reads"] = status.parked_reads();
  document["errors"] = status.errors();
  document["objects"] = ToArray(status.objects());
  document["mounts"] = ToArray(status.mounts());
  return Print(document);
}

std::string ToJson(const api::PrefetchProgress& progress) {
  Json document = Document();
  document["total_bytes"] = progress.total_bytes();
  document["present_bytes"] = progress.present_bytes();
  return Print(document);
}

std::string ToJson(const api::UpgradeResponse& upgrade) {
  Json document = Document();
  document["version"] = upgrade.version();
  return Print(document);
}

std::string ToJson(const api::Event& event) {
  Json document = Document();
  document["time"] = FormatTimeOfMilliseconds(event.unix_milliseconds());
  document["kind"] = event.kind();
  document["subject"] = event.subject();
  document["text"] = event.text();
  return document.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

std::string ToJson(const std::vector<HostCheck>& checks) {
  Json document = Document();
  document["verdict"] = VerdictOf(checks);
  document["checks"] = ToArray(checks);
  return Print(document);
}

}  // namespace lacuna
