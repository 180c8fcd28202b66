#include "daemon/base/progress_bar.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "daemon/base/format_bytes.h"

namespace lacuna {
namespace {

constexpr auto kRedrawInterval = std::chrono::milliseconds(100);
constexpr size_t kMaxBar = 40;
constexpr size_t kMinBar = 5;

// Columns to draw in: one less than there are, so that the cursor never wraps to the next line.
size_t Columns(std::FILE* out) {
  winsize size = {};
  if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return 79;
  return size.ws_col - 1;
}

uint64_t Percent(uint64_t done, uint64_t total) {
  return static_cast<uint64_t>(static_cast<double>(done) / static_cast<double>(total) * 100);
}

std::string Bar(uint64_t done, uint64_t total, size_t width) {
  const auto filled = static_cast<size_t>(static_cast<double>(done) / static_cast<double>(total) *
                                          static_cast<double>(width));
  std::string bar(width, ' ');
  std::fill_n(bar.begin(), filled, '=');
  if (filled > 0 && filled < width) bar[filled - 1] = '>';
  return absl::StrCat("[", bar, "] ");
}

}  // namespace

std::string ProgressLine(absl::string_view label, uint64_t done, uint64_t total, size_t width) {
  std::string bar;
  std::string numbers = FormatBytes(done);
  if (total > 0) {
    done = std::min(done, total);
    numbers = absl::StrCat(FormatBytes(done), " of ", FormatBytes(total), " ", Percent(done, total), "%");
    const size_t taken = label.size() + numbers.size() + sizeof(" [] ") - 1;
    const size_t room = std::min(width > taken ? width - taken : 0, kMaxBar);
    if (room >= kMinBar) bar = Bar(done, total, room);
  }
  std::string line = absl::StrCat(label, " ", bar, numbers);
  if (line.size() > width) line = numbers.substr(0, width);
  return line;
}

ProgressBar::ProgressBar(absl::string_view label, bool wanted, std::FILE* out)
    : label_(label), out_(out), active_(wanted && isatty(fileno(out)) != 0) {}

ProgressBar::~ProgressBar() {
  Finish();
}

void ProgressBar::Update(uint64_t done, uint64_t total) {
  if (!active_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_draw_ && done < total) return;
  next_draw_ = now + kRedrawInterval;
  drawn_ = true;
  // Carriage return, the line, and "erase to the end of the line" (ECMA-48 EL).
  std::fprintf(out_, "\r%s\033[K", ProgressLine(label_, done, total, Columns(out_)).c_str());
  std::fflush(out_);
}

void ProgressBar::Finish() {
  if (active_ && drawn_) {
    std::fputs("\r\033[K", out_);
    std::fflush(out_);
  }
  active_ = false;
}

}  // namespace lacuna
