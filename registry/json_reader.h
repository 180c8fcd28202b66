// Reads JSON that others wrote: bounded, without exceptions, and with no byte of it in an error's text.
//
// Callers: the .cc files of this folder that parse JSON; no header includes this one, because the library it
// brings in costs seconds of compiling. Pure functions; safe from any thread.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lacuna {

using Json = nlohmann::json;

// InvalidArgument when `text` is larger than `max_bytes` (whole MiB), nested too deeply, has too many values,
// or is not one JSON object.
absl::StatusOr<Json> ParseJsonObject(absl::string_view text, size_t max_bytes);

// InvalidArgument "FIELD: PROBLEM".
absl::Status WrongField(absl::string_view field, absl::string_view problem);

// A member of an object, or null where there is none: JSON's null and absence mean the same (as in Go).
const Json* JsonMember(const Json& object, const char* name);

// Sets `out` to an optional string; leaves it alone when there is none. InvalidArgument for another type.
absl::Status ReadJsonString(const Json& object, const char* name, std::string* out);

}  // namespace lacuna
