// Where the content of a committed snapshot comes from that was never unpacked here: the lowest layers of an
// image in a registry.
//
// A value; safe to use from any thread.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/base/digest.h"

namespace lacuna {

struct RemoteLayers {
  std::string reference;   // canonical, as whoever pulled it named the image: whom to trust follows from that
  Digest manifest_digest;  // of the platform's manifest
  uint32_t count = 0;      // layers, from the lowest on
  bool whole = false;      // they are all of the image's
  Digest highest;          // of them; the blob
  friend bool operator==(const RemoteLayers&, const RemoteLayers&) = default;
};

}  // namespace lacuna
