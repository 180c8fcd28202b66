// Which TLS settings a server's configuration means for it, and which for hosts that it leads us to.
//
// A value; safe from any thread.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "registry/tls_settings.h"

namespace lacuna {

class ServerTls {
 public:
  // `url` is of the server.
  ServerTls(std::string url, const TlsSettings& settings);

  const std::string& url() const { return url_; }
  // For a request to `url`. A host elsewhere may be known by the same private CA, but is not shown our client
  // certificate, and has to prove itself.
  std::shared_ptr<const TlsSettings> For(absl::string_view url) const;

 private:
  std::string url_;
  // Null where there is nothing to set.
  std::shared_ptr<const TlsSettings> own_;
  std::shared_ptr<const TlsSettings> elsewhere_;
};

}  // namespace lacuna
