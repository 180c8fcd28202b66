#include "registry/manifest.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/json_reader.h"

namespace lacuna {
namespace {

absl::Status ReadAnnotations(const Json& object, std::map<std::string, std::string>* out) {
  const Json* value = JsonMember(object, "annotations");
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_object()) return WrongField("annotations", "is not an object");
  for (const auto& [key, text] : value->items()) {
    if (!text.is_string()) return WrongField("annotations", "a value is not a string");
    (*out)[key] = text.get_ref<const std::string&>();
  }
  return absl::OkStatus();
}

absl::Status ReadPlatform(const Json& descriptor, std::optional<Platform>* out) {
  const Json* value = JsonMember(descriptor, "platform");
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_object()) return WrongField("platform", "is not an object");
  Platform platform;
  RETURN_IF_ERROR(ReadJsonString(*value, "os", &platform.os));
  RETURN_IF_ERROR(ReadJsonString(*value, "architecture", &platform.architecture));
  RETURN_IF_ERROR(ReadJsonString(*value, "variant", &platform.variant));
  *out = std::move(platform);
  return absl::OkStatus();
}

absl::Status ReadSize(const Json& descriptor, uint64_t* out) {
  const Json* value = JsonMember(descriptor, "size");
  // The parser gives a whole number that is not negative this type; fractions and huge numbers become floats.
  if (value == nullptr || !value->is_number_unsigned() || value->get<uint64_t>() > INT64_MAX) {
    return WrongField("size", "is not a number of bytes");
  }
  *out = value->get<uint64_t>();
  return absl::OkStatus();
}

absl::StatusOr<Descriptor> ReadDescriptor(const Json& value) {
  if (!value.is_object()) return absl::InvalidArgumentError("is not an object");
  Descriptor descriptor;
  RETURN_IF_ERROR(ReadJsonString(value, "mediaType", &descriptor.media_type));
  if (descriptor.media_type.empty()) return WrongField("mediaType", "is missing");
  std::string digest;
  RETURN_IF_ERROR(ReadJsonString(value, "digest", &digest));
  absl::StatusOr<Digest> parsed = Digest::Parse(digest);
  if (!parsed.ok()) return WrongField("digest", parsed.status().message());
  descriptor.digest = *std::move(parsed);
  RETURN_IF_ERROR(ReadSize(value, &descriptor.size));
  RETURN_IF_ERROR(ReadPlatform(value, &descriptor.platform));
  RETURN_IF_ERROR(ReadAnnotations(value, &descriptor.annotations));
  RETURN_IF_ERROR(ReadJsonString(value, "artifactType", &descriptor.artifact_type));
  return descriptor;
}

absl::Status ReadDescriptors(const Json& document, const char* name, std::vector<Descriptor>* out) {
  const Json* value = JsonMember(document, name);
  if (value == nullptr || !value->is_array()) return WrongField(name, "is not an array");
  for (const Json& element : *value) {
    absl::StatusOr<Descriptor> descriptor = ReadDescriptor(element);
    if (!descriptor.ok()) return Annotate(descriptor.status(), absl::StrCat(name, "[", out->size(), "]"));
    out->push_back(*std::move(descriptor));
  }
  return absl::OkStatus();
}

absl::Status ReadSubject(const Json& document, std::optional<Descriptor>* out) {
  const Json* value = JsonMember(document, "subject");
  if (value == nullptr) return absl::OkStatus();
  absl::StatusOr<Descriptor> descriptor = ReadDescriptor(*value);
  if (!descriptor.ok()) return Annotate(descriptor.status(), "subject");
  *out = *std::move(descriptor);
  return absl::OkStatus();
}

absl::StatusOr<Manifest> ReadManifest(const Json& document, std::string media_type) {
  Manifest manifest{.media_type = std::move(media_type)};
  RETURN_IF_ERROR(ReadJsonString(document, "artifactType", &manifest.artifact_type));
  const Json* config = JsonMember(document, "config");
  if (config == nullptr) return WrongField("config", "is missing");
  absl::StatusOr<Descriptor> descriptor = ReadDescriptor(*config);
  if (!descriptor.ok()) return Annotate(descriptor.status(), "config");
  manifest.config = *std::move(descriptor);
  RETURN_IF_ERROR(ReadDescriptors(document, "layers", &manifest.layers));
  RETURN_IF_ERROR(ReadAnnotations(document, &manifest.annotations));
  RETURN_IF_ERROR(ReadSubject(document, &manifest.subject));
  return manifest;
}

absl::StatusOr<ImageIndex> ReadIndex(const Json& document, std::string media_type) {
  ImageIndex index{.media_type = std::move(media_type)};
  RETURN_IF_ERROR(ReadDescriptors(document, "manifests", &index.manifests));
  RETURN_IF_ERROR(ReadJsonString(document, "artifactType", &index.artifact_type));
  RETURN_IF_ERROR(ReadAnnotations(document, &index.annotations));
  RETURN_IF_ERROR(ReadSubject(document, &index.subject));
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
  const Json* version = JsonMember(document, "schemaVersion");
  if (version != nullptr && *version == 1) {
    return absl::UnimplementedError(
        "it is a docker schema 1 manifest, which has no usable digests; push the image again with a current "
        "tool");
  }
  if (version == nullptr || *version != 2) return WrongField("schemaVersion", "is not 2");
  return absl::OkStatus();
}

// The document's own mediaType, else the registry's word, else what its shape says.
absl::StatusOr<std::string> TypeOf(const Json& document, absl::string_view content_type) {
  std::string type;
  RETURN_IF_ERROR(ReadJsonString(document, "mediaType", &type));
  const bool has_manifests = JsonMember(document, "manifests") != nullptr;
  const bool has_layers =
      JsonMember(document, "layers") != nullptr || JsonMember(document, "config") != nullptr;
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
  ASSIGN_OR_RETURN(const Json document, ParseJsonObject(json, kMaxManifestBytes));
  content_type = WithoutParameters(content_type);
  ASSIGN_OR_RETURN(std::string type, TypeOf(document, content_type));
  RETURN_IF_ERROR(CheckSchema(document));
  if (IsManifestType(type)) return ReadManifest(document, std::move(type));
  if (IsIndexType(type)) return ReadIndex(document, std::move(type));
  return WrongField("mediaType", absl::StrCat("'", absl::CHexEscape(type.substr(0, 100)),
                                              "' is no image manifest or index"));
}

}  // namespace lacuna
