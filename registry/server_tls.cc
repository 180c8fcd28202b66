#include "registry/server_tls.h"

#include <utility>

#include "registry/url.h"

namespace lacuna {
namespace {

std::shared_ptr<const TlsSettings> NullIfDefault(TlsSettings settings) {
  if (settings == TlsSettings()) return nullptr;
  return std::make_shared<const TlsSettings>(std::move(settings));
}

}  // namespace

ServerTls::ServerTls(std::string url, const TlsSettings& settings)
    : url_(std::move(url)),
      own_(NullIfDefault(settings)),
      elsewhere_(NullIfDefault({.ca_pem = settings.ca_pem})) {}

std::shared_ptr<const TlsSettings> ServerTls::For(absl::string_view url) const {
  return SameOrigin(url, url_) ? own_ : elsewhere_;
}

}  // namespace lacuna
