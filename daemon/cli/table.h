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

  // As many cells as the header has. Control characters (a file name may hold any) are shown escaped.
  void Add(std::vector<std::string> cells);

  // Each row a line; columns two spaces apart, none after the last.
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Escaped as the cells of a Table are.
std::string Printable(const std::string& text);

}  // namespace lacuna
