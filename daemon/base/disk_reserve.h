// Place on a disk that is kept for whoever empties it: a database cannot forget anything without some.
//
// Caller: SnapshotDb, under its mutex. Not thread-safe. Calls wait for the disk.
#pragma once

#include <string>
#include <utility>

namespace lacuna {

class DiskReserve {
 public:
  // `path`: the file that keeps the place. It may be there from before.
  explicit DiskReserve(std::string path) : path_(std::move(path)) {}

  // Has the place from now on, if there is some. Costs nothing when it has.
  void Keep();
  // For who found the disk full. True when there is place now that was not before: try again.
  bool GiveUp();

 private:
  const std::string path_;
  bool kept_ = false;
};

}  // namespace lacuna
