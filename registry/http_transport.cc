#include "registry/http_transport.h"

#include "absl/strings/match.h"

namespace lacuna {

absl::string_view HttpResponseHead::Find(absl::string_view name) const {
  for (const HttpHeader& header : headers) {
    if (absl::EqualsIgnoreCase(header.first, name)) return header.second;
  }
  return "";
}

}  // namespace lacuna
