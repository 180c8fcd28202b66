#include "cachefiles/object_key.h"

#include <algorithm>

namespace lacuna {

std::string ObjectKey::FileName() const {
  std::string name = text_;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '/' || c == ':'; }, '-');
  return name;
}

}  // namespace lacuna
