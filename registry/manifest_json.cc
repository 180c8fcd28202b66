// ManifestJson, DescriptorJson: writing, as manifest.cc reads.
#include <nlohmann/json.hpp>

#include "registry/manifest.h"

namespace lacuna {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const Descriptor& descriptor) {
  Json json;
  json["mediaType"] = descriptor.media_type;
  json["digest"] = descriptor.digest.ToString();
  json["size"] = descriptor.size;
  if (!descriptor.artifact_type.empty()) json["artifactType"] = descriptor.artifact_type;
  if (descriptor.platform.has_value()) {
    Json& platform = json["platform"];
    platform["architecture"] = descriptor.platform->architecture;
    platform["os"] = descriptor.platform->os;
    if (!descriptor.platform->variant.empty()) platform["variant"] = descriptor.platform->variant;
  }
  if (!descriptor.annotations.empty()) json["annotations"] = descriptor.annotations;
  return json;
}

// Strings that are not UTF-8 become U+FFFD rather than an exception.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string DescriptorJson(const Descriptor& descriptor) {
  return Dump(ToJson(descriptor));
}

std::string ManifestJson(const Manifest& manifest) {
  Json json;
  json["schemaVersion"] = 2;
  json["mediaType"] = manifest.media_type;
  if (!manifest.artifact_type.empty()) json["artifactType"] = manifest.artifact_type;
  json["config"] = ToJson(manifest.config);
  json["layers"] = Json::array();
  for (const Descriptor& layer : manifest.layers) json["layers"].push_back(ToJson(layer));
  if (manifest.subject.has_value()) json["subject"] = ToJson(*manifest.subject);
  if (!manifest.annotations.empty()) json["annotations"] = manifest.annotations;
  return Dump(json);
}

}  // namespace lacuna
