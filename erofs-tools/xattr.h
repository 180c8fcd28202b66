// An extended attribute of a file.
//
// A value; safe to use from any thread.
#pragma once

#include <string>

namespace lacuna {

struct Xattr {
  std::string name;   // in full: "security.capability"
  std::string value;  // any bytes

  friend bool operator==(const Xattr&, const Xattr&) = default;
};

}  // namespace lacuna
