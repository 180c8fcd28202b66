// What the service manager has kept from an earlier keeper, and gives to this one: sd_listen_fds(3).
//
// Caller: main, before there is a second thread.
#pragma once

#include <string>
#include <vector>

#include "daemon/base/unique_fd.h"

namespace lacuna {

// By these names it is stored: the memory, and what is kept by its place in the table.
inline constexpr char kMemoryName[] = "memory";
inline constexpr char kPlacePrefix[] = "kept-";

struct Stored {
  // Invalid where there is none, or it cannot be read; the table in it then has the descriptors, by their
  // numbers now.
  UniqueFd memory;
  // Under these names there is nothing that is used any more.
  std::vector<std::string> useless;
};

// Of this process alone: cleans the environment of it.
Stored TakeStored();

}  // namespace lacuna
