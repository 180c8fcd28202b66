#include "daemon/open_image.h"

#include <algorithm>

namespace lacuna {

namespace {

PublishedObject Publish(const BlobCache& object) {
  return {.key = object.key(),
          .size = object.size(),
          .file = object.kept_by_kernel() ? nullptr : object.file(),
          .finished_path = object.finished_path()};
}

}  // namespace

PublishedImage OpenImage::Published() const {
  PublishedImage image;
  image.bootstrap = Publish(*objects.front());
  for (size_t i = 1; i < objects.size(); ++i) image.devices.push_back(Publish(*objects[i]));
  return image;
}

std::vector<ObjectKey> OpenImage::Keys() const {
  std::vector<ObjectKey> keys;
  for (const auto& object : objects) keys.push_back(object->key());
  return keys;
}

bool OpenImage::Holds(const ObjectKey& key) const {
  return std::any_of(objects.begin(), objects.end(),
                     [&](const auto& object) { return object->key() == key; });
}

uint64_t OpenImage::size() const {
  uint64_t bytes = 0;
  for (const auto& object : objects) bytes += object->size();
  return bytes;
}

}  // namespace lacuna
