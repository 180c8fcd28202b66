// What a reference means now, and where its bytes come from.
//
// A value; safe to use from any thread.
#pragma once

#include <string>
#include <vector>

#include "daemon/index_trust.h"
#include "daemon/tar_layers.h"
#include "registry/reference.h"
#include "registry/registry_client.h"

namespace lacuna {

struct ImageSource {
  Reference reference;   // as it was asked for
  std::string platform;  // the same; empty: the host's
  bool plain_http = false;
  IndexTrust trust = IndexTrust::kTag;
  Repository repository;
  ResolvedImage image;
  std::vector<TarLayer> layers;  // none: the image is an EROFS
};

}  // namespace lacuna
