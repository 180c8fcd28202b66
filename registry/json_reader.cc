#include "registry/json_reader.h"

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr int kMaxNesting = 32;
constexpr size_t kMaxJsonValues = 256 * 1024;

// Bounds what parsing may allocate, before it begins: a value costs some 100 bytes, however short its text.
absl::Status CheckShape(absl::string_view json, size_t max_bytes) {
  if (json.size() > max_bytes) {
    return absl::InvalidArgumentError(absl::StrCat("it is larger than ", max_bytes / (1024 * 1024), " MiB"));
  }
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

}  // namespace

absl::StatusOr<Json> ParseJsonObject(absl::string_view text, size_t max_bytes) {
  RETURN_IF_ERROR(CheckShape(text, max_bytes));
  Json document = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return absl::InvalidArgumentError("it is not a JSON object");
  return document;
}

absl::Status WrongField(absl::string_view field, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", problem));
}

const Json* JsonMember(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

absl::Status ReadJsonString(const Json& object, const char* name, std::string* out) {
  const Json* value = JsonMember(object, name);
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_string()) return WrongField(name, "is not a string");
  *out = value->get_ref<const std::string&>();
  return absl::OkStatus();
}

}  // namespace lacuna
