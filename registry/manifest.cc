#include "registry/manifest.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

using Json = nlohmann::json;

constexpr int kMaxNesting = 32;
constexpr size_t kMaxJsonValues = 256 * 1024;

absl::Status Wrong(absl::string_view field, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", problem));
}

// Bounds what parsing may allocate, before it begins: a value costs some 100 bytes, however short its text.
absl::Status CheckShape(absl::string_view json) {
  if (json.size() > kMaxManifestBytes) return absl::InvalidArgumentError("it is larger than 4 MiB");
  int depth = 0;
  size_t values = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') in_string = !in_string;
    if (in_string) {
      if (c == '\\') ++i;
      continue;
    }
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (c == ',' || c == ':' || c == '[' || c == '{') ++values;
    if (depth > kMaxNesting) return absl::InvalidArgumentError("its JSON is nested too deeply");
    if (values > kMaxJsonValues) return absl::InvalidArgumentError("its JSON has too many values");
  }
  return absl::OkStatus();
}

// A member of an object, or null where there is none: JSON's null and absence mean the same (as in Go).
const Json* Member(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

// An optional string: empty when it is not there.
absl::Status ReadString(const Json& object, const char* name, std::string* out) {
  const Json* value = Member(object, name);
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_string()) return Wrong(name, "is not a string");
  *out = value->get_ref<const std::string&>();
  return absl::OkStatus();
}

absl::Status ReadAnnotations(const Json& object, std::map<std::string, std::string>* out) {
  const Json* value = Member(object, "annotations");
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_object()) return Wrong("annotations", "is not an object");
  for (const auto& [key, text] : value->items()) {
    if (!text.is_string()) return Wrong("annotations", "a value is not a string");
    (*out)[key] = text.get_ref<const std::string&>();
  }
  return absl::OkStatus();
}

absl::Status ReadPlatform(const Json& descriptor, std::optional<Platform>* out) {
  const Json* value = Member(descriptor, "platform");
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_object()) return Wrong("platform", "is not an object");
  Platform platform;
  RETURN_IF_ERROR(ReadString(*value, "os", &platform.os));
  RETURN_IF_ERROR(ReadString(*value, "architecture", &platform.architecture));
  RETURN_IF_ERROR(ReadString(*value, "variant", &platform.variant));
  *out = std::move(platform);
  return absl::OkStatus();
}

absl::Status ReadSize(const Json& descriptor, uint64_t* out) {
  const Json* value = Member(descriptor, "size");
  // The parser gives a whole number that is not negative this type; fractions and huge numbers become floats.
  if (value == nullptr || !value->is_number_unsigned() || value->get<uint64_t>() > INT64_MAX) {
    return Wrong("size", "is not a number of bytes");
  }
  *out = value->get<uint64_t>();
  return absl::OkStatus();
}

absl::StatusOr<Descriptor> ReadDescriptor(const Json& value) {
  if (!value.is_object()) return absl::InvalidArgumentError("is not an object");
  Descriptor descriptor;
  RETURN_IF_ERROR(ReadString(value, "mediaType", &descriptor.media_type));
  if (descriptor.media_type.empty()) return Wrong("mediaType", "is missing");
  std::string digest;
  RETURN_IF_ERROR(ReadString(value, "digest", &digest));
  absl::StatusOr<Digest> parsed = Digest::Parse(digest);
  if (!parsed.ok()) return Wrong("digest", parsed.status().message());
  descriptor.digest = *std::move(parsed);
  RETURN_IF_ERROR(ReadSize(value, &descriptor.size));
  RETURN_IF_ERROR(ReadPlatform(value, &descriptor.platform));
  RETURN_IF_ERROR(ReadAnnotations(value, &descriptor.annotations));
  RETURN_IF_ERROR(ReadString(value, "artifactType", &descriptor.artifact_type));
  return descriptor;
}

absl::Status ReadDescriptors(const Json& document, const char* name, std::vector<Descriptor>* out) {
  const Json* value = Member(document, name);
  if (value == nullptr || !value->is_array()) return Wrong(name, "is not an array");
  for (const Json& element : *value) {
    absl::StatusOr<Descriptor> descriptor = ReadDescriptor(element);
    if (!descriptor.ok()) return Annotate(descriptor.status(), absl::StrCat(name, "[", out->size(), "]"));
    out->push_back(*std::move(descriptor));
  }
  return absl::OkStatus();
}

absl::StatusOr<Manifest> ReadManifest(const Json& document, std::string media_type) {
  Manifest manifest{.media_type = std::move(media_type)};
  RETURN_IF_ERROR(ReadString(document, "artifactType", &manifest.artifact_type));
  const Json* config = Member(document, "config");
  if (config == nullptr) return Wrong("config", "is missing");
  absl::StatusOr<Descriptor> descriptor = ReadDescriptor(*config);
  if (!descriptor.ok()) return Annotate(descriptor.status(), "config");
  manifest.config = *std::move(descriptor);
  RETURN_IF_ERROR(ReadDescriptors(document, "layers", &manifest.layers));
  RETURN_IF_ERROR(ReadAnnotations(document, &manifest.annotations));
  return manifest;
}

absl::StatusOr<ImageIndex> ReadIndex(const Json& document, std::string media_type) {
  ImageIndex index{.media_type = std::move(media_type)};
  RETURN_IF_ERROR(ReadDescriptors(document, "manifests", &index.manifests));
  return index;
}

bool IsIndexType(absl::string_view type) {
  return type == kOciIndexType || type == kDockerListType;
}
bool IsManifestType(absl::string_view type) {
  return type == kOciManifestType || type == kDockerManifestType;
}

// "application/json; charset=utf-8" -> "application/json"
absl::string_view WithoutParameters(absl::string_view content_type) {
  return absl::StripAsciiWhitespace(content_type.substr(0, content_type.find(';')));
}

absl::Status CheckSchema(const Json& document) {
  const Json* version = Member(document, "schemaVersion");
  if (version != nullptr && *version == 1) {
    return absl::UnimplementedError(
        "it is a docker schema 1 manifest, which has no usable digests; push the image again with a current "
        "tool");
  }
  if (version == nullptr || *version != 2) return Wrong("schemaVersion", "is not 2");
  return absl::OkStatus();
}

// The document's own mediaType, else the registry's word, else what its shape says.
absl::StatusOr<std::string> TypeOf(const Json& document, absl::string_view content_type) {
  std::string type;
  RETURN_IF_ERROR(ReadString(document, "mediaType", &type));
  const bool has_manifests = Member(document, "manifests") != nullptr;
  const bool has_layers = Member(document, "layers") != nullptr || Member(document, "config") != nullptr;
  if ((has_manifests && has_layers) || (IsIndexType(type) && IsManifestType(content_type)) ||
      (IsManifestType(type) && IsIndexType(content_type))) {
    return absl::InvalidArgumentError("it could be read both as a manifest and as an index");
  }
  if (type.empty() && (IsManifestType(content_type) || IsIndexType(content_type))) {
    type = std::string(content_type);
  }
  if (type.empty()) type = has_manifests ? kOciIndexType : kOciManifestType;
  return type;
}

}  // namespace

absl::StatusOr<std::variant<Manifest, ImageIndex>> ParseManifest(absl::string_view json,
                                                                 absl::string_view content_type) {
  RETURN_IF_ERROR(CheckShape(json));
  const Json document = Json::parse(json.begin(), json.end(), nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return absl::InvalidArgumentError("it is not a JSON object");
  content_type = WithoutParameters(content_type);
  ASSIGN_OR_RETURN(std::string type, TypeOf(document, content_type));
  RETURN_IF_ERROR(CheckSchema(document));
  if (IsManifestType(type)) return ReadManifest(document, std::move(type));
  if (IsIndexType(type)) return ReadIndex(document, std::move(type));
  return Wrong("mediaType",
               absl::StrCat("'", absl::CHexEscape(type.substr(0, 100)), "' is no image manifest or index"));
}

}  // namespace lacuna
