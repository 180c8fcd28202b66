// Sizes, foreign bytes and progress, as people see them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <cstdint>

#include "daemon/base/escape.h"
#include "daemon/base/format_bytes.h"
#include "daemon/base/progress_bar.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

TEST(FormatBytes, PowersOf1024WithUnits) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1024), "1.0 KiB");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(FormatBytes(1024 * 1024 - 1), "1023.9 KiB");
  EXPECT_EQ(FormatBytes(1024 * 1024), "1.0 MiB");
  EXPECT_EQ(FormatBytes(uint64_t{5} << 30), "5.0 GiB");
  EXPECT_EQ(FormatBytes(uint64_t{1} << 40), "1.0 TiB");
  EXPECT_EQ(FormatBytes(uint64_t{1} << 50), "1.0 PiB");
  EXPECT_EQ(FormatBytes(UINT64_MAX), "15.9 EiB");
}

TEST(EscapeForTerminal, LeavesOnlyPrintableAscii) {
  EXPECT_EQ(EscapeForTerminal(R"(a "b" \c ~)"), R"(a "b" \c ~)");
  EXPECT_EQ(EscapeForTerminal("\x1b[2J\n\x7f\xc2\x9b"), R"(\x1b[2J\x0a\x7f\xc2\x9b)");
}

TEST(ProgressLine, ShowsHowFarItIs) {
  EXPECT_EQ(ProgressLine("x", 0, 100, 30), "x [          ] 0 B of 100 B 0%");
  EXPECT_EQ(ProgressLine("x", 50, 100, 30), "x [===>    ] 50 B of 100 B 50%");
  EXPECT_EQ(ProgressLine("x", 100, 100, 30), "x [======] 100 B of 100 B 100%");
  EXPECT_EQ(ProgressLine("x", 100, 100, 500).size(), 64);  // no bar is wider than 40
}

TEST(ProgressLine, NeverClaimsMoreThanAll) {
  EXPECT_THAT(ProgressLine("x", 999, 1000, 79), EndsWith(" 99%"));
  EXPECT_THAT(ProgressLine("x", 2000, 1000, 79), EndsWith("1000 B of 1000 B 100%"));
}

TEST(ProgressLine, WithoutATotalThereIsNoBar) {
  EXPECT_EQ(ProgressLine("x", 2048, 0, 79), "x 2.0 KiB");
}

TEST(ProgressLine, FitsInAnyWidth) {
  for (size_t width = 0; width < 200; ++width) {
    for (const uint64_t done : {uint64_t{0}, uint64_t{1} << 30, UINT64_MAX}) {
      EXPECT_LE(ProgressLine("some label", done, UINT64_MAX, width).size(), width);
    }
  }
  EXPECT_EQ(ProgressLine("some label", 1, 2, 25), "some label 1 B of 2 B 50%");
  EXPECT_EQ(ProgressLine("some label", 1, 2, 20), "1 B of 2 B 50%");
}

// A terminal whose other end the test reads.
class Terminal {
 public:
  Terminal() {
    int controller = -1;
    int terminal = -1;
    if (openpty(&controller, &terminal, nullptr, nullptr, nullptr) != 0) return;
    controller_.Reset(controller);
    fcntl(controller, F_SETFL, O_NONBLOCK);
    file_ = fdopen(terminal, "w");
  }
  ~Terminal() { std::fclose(file_); }

  std::FILE* file() { return file_; }
  std::string Shown() {
    char buffer[65536];
    const ssize_t got = read(controller_.get(), buffer, sizeof(buffer));
    return got < 0 ? "" : std::string(buffer, static_cast<size_t>(got));
  }

 private:
  UniqueFd controller_;
  std::FILE* file_ = nullptr;
};

TEST(ProgressBar, DrawsOneLineAndWipesIt) {
  Terminal terminal;
  ProgressBar bar("label", true, terminal.file());
  bar.Update(1, 4);
  EXPECT_THAT(terminal.Shown(), testing::AllOf(testing::StartsWith("\rlabel ["), EndsWith("25%\033[K")));
  bar.Finish();
  EXPECT_EQ(terminal.Shown(), "\r\033[K");
  bar.Update(2, 4);
  bar.Finish();
  EXPECT_EQ(terminal.Shown(), "");
}

TEST(ProgressBar, DrawsTheEndAtOnceButNotEveryStep) {
  Terminal terminal;
  ProgressBar bar("label", true, terminal.file());
  bar.Update(0, 1000000);
  terminal.Shown();
  for (uint64_t i = 0; i < 1000; ++i) bar.Update(i, 1000000);
  EXPECT_LT(terminal.Shown().size(), 20000u);  // 1000 lines would be more than 60,000 bytes
  bar.Update(1000000, 1000000);
  EXPECT_THAT(terminal.Shown(), HasSubstr("100%"));
}

TEST(ProgressBar, DrawsNothingWhereItIsNotWantedOrNoTerminal) {
  Terminal terminal;
  {
    ProgressBar bar("label", false, terminal.file());
    bar.Update(1, 2);
  }
  EXPECT_EQ(terminal.Shown(), "");
  char* written = nullptr;
  size_t size = 0;
  std::FILE* file = open_memstream(&written, &size);
  {
    ProgressBar bar("label", true, file);
    bar.Update(1, 2);
  }
  std::fclose(file);
  EXPECT_EQ(size, 0);
  free(written);
}

}  // namespace
}  // namespace lacuna
