// How objects are named: by key everywhere and for good, by id between one open and its close.
//
// Values; safe to use from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "daemon/base/digest.h"

namespace lacuna {

// The object's name in the cache, on disk and in a door, e.g. "v1/sha256:…" (CONTRACT.md, "Files").
class ObjectKey {
 public:
  ObjectKey() = default;
  // An identity object: its bytes are the blob's, zero-padded to a whole block.
  static ObjectKey ForBlob(const Digest& digest) { return ObjectKey("v1/" + digest.ToString()); }
  // The device of a layer: of all layers with these bodies, however they are packed (CONTRACT.md, "Files").
  // `root` keeps apart what somebody's index claims of a diffID from what others do (layer_root.h).
  static ObjectKey ForLayer(const Digest& diff_id, const Digest& root) {
    return ObjectKey("v1/" + diff_id.ToString() + "/" + root.ToString());
  }

  const std::string& text() const { return text_; }
  // The same as one path component: "v1-sha256-…".
  std::string FileName() const;

  friend bool operator==(const ObjectKey&, const ObjectKey&) = default;
  friend bool operator<(const ObjectKey& a, const ObjectKey& b) { return a.text_ < b.text_; }

 private:
  explicit ObjectKey(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// A door's own number for an open object: the kernel's object id (cachefiles), the node id (fuse).
enum class ObjectId : uint64_t {};

}  // namespace lacuna

template <>
struct std::hash<lacuna::ObjectKey> {
  size_t operator()(const lacuna::ObjectKey& key) const { return std::hash<std::string>()(key.text()); }
};
