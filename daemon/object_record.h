// An object of an image as it is remembered: enough to open it again without asking anybody.
//
// A value; safe to use from any thread.
#pragma once

#include <cstdint>

#include "cachefiles/object_key.h"
#include "daemon/base/byte_range.h"
#include "daemon/base/digest.h"

namespace lacuna {

struct ObjectRecord {
  enum class Kind {
    kBlob,   // the object is the blob
    kMade,   // made here: a bootstrap from the trees of layers, a device of zeros
    kLayer,  // the device of a layer
  };

  Digest digest;      // of the blob; of what was made here, its own
  uint64_t size = 0;  // of the same, in bytes
  Kind kind = Kind::kBlob;
  // Of a layer only.
  Digest diff_id;
  Digest root;               // LayerRoot
  Digest index;              // the file that has its index (index_store.h)
  uint64_t device_size = 0;  // bytes

  ObjectKey Key() const {
    return kind == Kind::kLayer ? ObjectKey::ForLayer(diff_id, root) : ObjectKey::ForBlob(digest);
  }
  uint64_t object_size() const { return kind == Kind::kLayer ? device_size : RoundUp(size, kBlockSize); }
  friend bool operator==(const ObjectRecord&, const ObjectRecord&) = default;
};

}  // namespace lacuna
