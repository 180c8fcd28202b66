#include "registry/index_edit.h"

#include <algorithm>
#include <utility>

#include "daemon/base/status.h"
#include "registry/index_artifact.h"
#include "registry/json_reader.h"

namespace lacuna {
namespace {

// Strings that are not UTF-8 become U+FFFD rather than an exception.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<Json> ParseIndex(absl::string_view text) {
  ASSIGN_OR_RETURN(Json index, ParseJsonObject(text, kMaxManifestBytes));
  Json& entries = index["manifests"];
  if (entries.is_null()) entries = Json::array();
  if (!entries.is_array()) return WrongField("manifests", "is not an array");
  const auto is_object = [](const Json& entry) { return entry.is_object(); };
  if (!std::all_of(entries.begin(), entries.end(), is_object)) {
    return WrongField("manifests", "an entry is not an object");
  }
  return index;
}

// A string of an entry; empty when there is none.
std::string TextOf(const Json& object, const char* name) {
  const Json* value = JsonMember(object, name);
  return value == nullptr || !value->is_string() ? "" : value->get<std::string>();
}

// An annotation of an entry; empty when there is none.
std::string AnnotationOf(const Json& entry, const char* name) {
  const Json* annotations = JsonMember(entry, "annotations");
  return annotations == nullptr || !annotations->is_object() ? "" : TextOf(*annotations, name);
}

}  // namespace

std::string EmptyIndex() {
  return Dump({{"schemaVersion", 2}, {"mediaType", kOciIndexType}, {"manifests", Json::array()}});
}

absl::StatusOr<std::string> WithNamedEntry(absl::string_view index, const Descriptor& descriptor,
                                           const std::string& ref_name) {
  ASSIGN_OR_RETURN(Json document, ParseIndex(index));
  Descriptor named = descriptor;
  if (!ref_name.empty()) named.annotations[kRefName] = ref_name;
  ASSIGN_OR_RETURN(Json entry, ParseJsonObject(DescriptorJson(named), kMaxManifestBytes));
  Json& entries = document["manifests"];
  const auto replaced = [&](const Json& other) {
    if (AnnotationOf(other, kRefName) != ref_name) return false;
    return !ref_name.empty() || TextOf(other, "digest") == descriptor.digest.ToString();
  };
  entries.erase(std::remove_if(entries.begin(), entries.end(), replaced), entries.end());
  entries.push_back(std::move(entry));
  return Dump(document);
}

absl::StatusOr<std::string> WithBoundArtifact(absl::string_view index, const Descriptor& artifact) {
  ASSIGN_OR_RETURN(Json document, ParseIndex(index));
  ASSIGN_OR_RETURN(Json entry, ParseJsonObject(DescriptorJson(artifact), kMaxManifestBytes));
  document["mediaType"] = kOciIndexType;
  Json& entries = document["manifests"];
  const auto replaced = [&](const Json& other) {
    return TextOf(other, "artifactType") == artifact.artifact_type &&
           AnnotationOf(other, kBoundTo) == AnnotationOf(entry, kBoundTo);
  };
  entries.erase(std::remove_if(entries.begin(), entries.end(), replaced), entries.end());
  entries.push_back(std::move(entry));
  return Dump(document);
}

absl::StatusOr<std::vector<std::string>> EntriesOf(absl::string_view index) {
  ASSIGN_OR_RETURN(const Json document, ParseIndex(index));
  std::vector<std::string> entries;
  for (const Json& entry : document["manifests"]) entries.push_back(Dump(entry));
  return entries;
}

absl::StatusOr<std::string> WithEntries(absl::string_view index, const std::vector<std::string>& entries) {
  ASSIGN_OR_RETURN(Json document, ParseIndex(index));
  Json& there = document["manifests"];
  for (const std::string& text : entries) {
    ASSIGN_OR_RETURN(Json entry, ParseJsonObject(text, kMaxManifestBytes));
    const std::string digest = TextOf(entry, "digest");
    const auto same = [&](const Json& other) { return TextOf(other, "digest") == digest; };
    if (std::none_of(there.begin(), there.end(), same)) there.push_back(std::move(entry));
  }
  return Dump(document);
}

}  // namespace lacuna
