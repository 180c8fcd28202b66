// Text in aligned columns, for people.
//
// A value; used by one thread.
#pragma once

#include <string>
#include <vector>

namespace lacuna {

class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}

  // As many cells as the header has; a file name may hold anything, so they are made fit for a terminal.
  void Add(std::vector<std::string> cells);

  // Each row a line; columns two spaces apart, none after the last.
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace lacuna
