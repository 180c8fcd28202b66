#include "erofs-tools/layer/window_trimmer.h"

#include <utility>

#include "erofs-tools/layer/zlib_stream.h"

namespace lacuna {

WindowTrimmer::WindowTrimmer(std::string window, int bits, unsigned char byte_before)
    : window_(std::move(window)) {
  std::array<std::string, 3> marked;
  for (size_t i = 0; i < window_.size(); ++i) {
    marked[0].push_back(static_cast<char>(i));
    marked[1].push_back(static_cast<char>(~i));
    marked[2].push_back(static_cast<char>(i >> 8));
  }
  for (size_t i = 0; i < trials_.size(); ++i) {
    BeginRawInflate(trials_[i].stream, marked[i], bits, byte_before);
    trials_[i].out.resize(window_.size());
    trials_[i].stream.next_out = ZlibBytes(trials_[i].out.data());
    trials_[i].stream.avail_out = static_cast<uInt>(trials_[i].out.size());
  }
}

WindowTrimmer::~WindowTrimmer() {
  for (Trial& trial : trials_) inflateEnd(&trial.stream);
}

void WindowTrimmer::Feed(absl::Span<const char> blob) {
  for (Trial& trial : trials_) {
    trial.stream.next_in = ZlibBytes(blob.data());
    trial.stream.avail_in = static_cast<uInt>(blob.size());
    const int code = inflate(&trial.stream, Z_NO_FLUSH);
    // All three go the same way: lengths and distances do not depend on what is copied.
    done_ = code == Z_STREAM_END || trial.stream.avail_out == 0;
  }
}

std::string WindowTrimmer::Window() const {
  if (!done_) return window_;
  std::string trimmed(window_.size(), '\0');
  const size_t size = window_.size() - trials_[0].stream.avail_out;
  for (size_t i = 0; i < size; ++i) {
    if (trials_[0].out[i] == trials_[1].out[i]) continue;
    const size_t position = static_cast<unsigned char>(trials_[0].out[i]) |
                            size_t{static_cast<unsigned char>(trials_[2].out[i])} << 8;
    trimmed[position] = window_[position];
  }
  return trimmed;
}

}  // namespace lacuna
