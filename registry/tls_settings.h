// What TLS to one server needs beyond the host's own trust. A value; the key in it is a secret and never part
// of a message.
//
// Callers: hosts_config.h fills it, the transport applies it.
#pragma once

#include <string>

namespace lacuna {

struct TlsSettings {
  std::string ca_pem;                                  // certificates trusted besides the host's own
  std::string client_certificate_pem, client_key_pem;  // both or neither
  bool skip_verify = false;

  friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

}  // namespace lacuna
