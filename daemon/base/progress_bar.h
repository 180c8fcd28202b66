// One line on a terminal that shows how far a long piece of work is; nothing anywhere else.
//
// Callers: command line programs. Used by one thread at a time, possibly another one at each call.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "absl/strings/string_view.h"

namespace lacuna {

class ProgressBar {
 public:
  // Draws only when `wanted` and when `out` is a terminal.
  explicit ProgressBar(absl::string_view label, bool wanted = true, std::FILE* out = stderr);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // `done` of `total` bytes. Draws at most ten times a second, except for the end.
  void Update(uint64_t done, uint64_t total);
  // Wipes the line: what comes next is printed where the bar was. Draws nothing afterwards.
  void Finish();

 private:
  const std::string label_;
  std::FILE* const out_;
  bool active_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point next_draw_;
};

// The line without its control characters, at most `width` columns: "LABEL [=====>    ] 12.0 MiB of 24.0 MiB
// 50%". The bar shrinks first and goes when there is no room, then the label goes. A `total` of 0 shows only
// what is done.
std::string ProgressLine(absl::string_view label, uint64_t done, uint64_t total, size_t width);

}  // namespace lacuna
