// The Link header by which a registry says where the next page of a list is (RFC 8288 section 3).
//
// Callers: what lists tags and referrers. Pure; safe from any thread.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace lacuna {

// The target, absolute or relative, of the first link whose relation types hold "next". Absent when there is
// none before the end or the first fault; an empty target (the page itself) is passed over.
std::optional<std::string> FindNextLink(absl::string_view value);

}  // namespace lacuna
