// Which bytes of an inflate window are ever used: the others are set to zero, so that the window of a
// checkpoint costs little in an index.
//
// What follows the window can refer to it for 32 KiB. That much is inflated three times, from windows that
// hold the low byte of each position, its complement, and the high byte: an output byte that differs between
// the first two was copied out of the window, from the position that the first and the third tell.
//
// Caller: GzipInflater. Used by one thread at a time.
#pragma once

#include <zlib.h>

#include <array>
#include <cstdint>
#include <string>

#include "absl/types/span.h"

namespace lacuna {

class WindowTrimmer {
 public:
  // `window` is 32 KiB. Inflating goes on with the upper `bits` bits of `byte_before`, then with what Feed
  // gets.
  WindowTrimmer(std::string window, int bits, unsigned char byte_before);
  ~WindowTrimmer();
  WindowTrimmer(const WindowTrimmer&) = delete;
  WindowTrimmer& operator=(const WindowTrimmer&) = delete;

  // The next bytes of the blob.
  void Feed(absl::Span<const char> blob);
  // Enough was fed: nothing behind it can refer to the window.
  bool done() const { return done_; }
  // The window: without the bytes that are not used once done, as it was before.
  std::string Window() const;

 private:
  struct Trial {
    z_stream stream{};
    std::string out;
  };

  std::string window_;
  std::array<Trial, 3> trials_;  // low byte, complement of it, high byte
  bool done_ = false;
};

}  // namespace lacuna
