// PosixBackingFile on a real disk.
#include "cachefiles/posix_backing_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fakes/scoped_mount.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

constexpr uint64_t kSize = 1 << 20;

uint64_t DiskBytes(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(stat(path.c_str(), &info), 0);
  return static_cast<uint64_t>(info.st_blocks) * 512;
}

TEST(PosixBackingFile, IsMadeAllHoleAndReadsAsZeros) {
  TempDir dir;
  auto file = PosixBackingFile::Create(dir / "object", kSize);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*(*file)->Size(), kSize);
  EXPECT_EQ(DiskBytes(dir / "object"), 0);
  std::string bytes(kSize, 'x');
  ASSERT_TRUE((*file)->ReadAt(0, absl::MakeSpan(bytes)).ok());
  EXPECT_EQ(bytes, std::string(kSize, '\0'));
}

TEST(PosixBackingFile, GivesBackWhatWasWritten) {
  TempDir dir;
  auto file = PosixBackingFile::Create(dir / "object", kSize);
  ASSERT_TRUE(file.ok()) << file.status();
  const std::string bytes(3 * kBlockSize, 'a');
  ASSERT_TRUE((*file)->WriteAt(kBlockSize, bytes).ok());
  ASSERT_TRUE((*file)->Sync().ok());
  auto again = PosixBackingFile::Open(dir / "object");
  ASSERT_TRUE(again.ok()) << again.status();
  std::string all(5 * kBlockSize, 'x');
  ASSERT_TRUE((*again)->ReadAt(0, absl::MakeSpan(all)).ok());
  EXPECT_EQ(all, std::string(kBlockSize, '\0') + bytes + std::string(kBlockSize, '\0'));
  // Nothing but what was written takes space: no extent was reserved around it.
  EXPECT_EQ(DiskBytes(dir / "object"), 3 * kBlockSize);
}

TEST(PosixBackingFile, IsReopenedWhateverBecameOfItsName) {
  TempDir dir;
  auto file = PosixBackingFile::Create(dir / "object", kSize);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->WriteAt(0, std::string(kBlockSize, 'a')).ok());
  ASSERT_EQ(rename((dir / "object").c_str(), (dir / "finished").c_str()), 0);
  ASSERT_TRUE(PosixBackingFile::Create(dir / "object", kSize).ok());
  const absl::StatusOr<UniqueFd> again = (*file)->Reopen();
  ASSERT_TRUE(again.ok()) << again.status();
  char first = 0;
  EXPECT_EQ(pread(again->get(), &first, 1, 0), 1);
  EXPECT_EQ(first, 'a');
  EXPECT_EQ(fcntl(again->get(), F_GETFD), FD_CLOEXEC);
}

TEST(PosixBackingFile, AReadPastTheEndIsOutOfRangeAlsoWhenItBeginsBefore) {
  TempDir dir;
  auto file = PosixBackingFile::Create(dir / "object", kSize);
  ASSERT_TRUE(file.ok()) << file.status();
  std::string bytes(2 * kBlockSize, 'x');
  EXPECT_EQ((*file)->ReadAt(kSize, absl::MakeSpan(bytes)).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ((*file)->ReadAt(kSize - kBlockSize, absl::MakeSpan(bytes)).code(), absl::StatusCode::kOutOfRange);
  EXPECT_TRUE((*file)->ReadAt(kSize - 2 * kBlockSize, absl::MakeSpan(bytes)).ok());
}

TEST(PosixBackingFile, PunchedRangesReadAsZerosAndTakeNoSpace) {
  TempDir dir;
  auto file = PosixBackingFile::Create(dir / "object", kSize);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->WriteAt(0, std::string(kSize, 'a')).ok());
  ASSERT_TRUE((*file)->Sync().ok());
  ASSERT_TRUE((*file)->PunchHole({kChunkSize, 2 * kChunkSize}).ok());
  ASSERT_TRUE((*file)->PunchHole({0, 0}).ok());
  std::string bytes(kSize, 'x');
  ASSERT_TRUE((*file)->ReadAt(0, absl::MakeSpan(bytes)).ok());
  EXPECT_EQ(bytes.substr(kChunkSize, 2 * kChunkSize), std::string(2 * kChunkSize, '\0'));
  EXPECT_EQ(bytes.substr(3 * kChunkSize), std::string(kSize - 3 * kChunkSize, 'a'));
  EXPECT_LE(DiskBytes(dir / "object"), kSize - 2 * kChunkSize);
  EXPECT_EQ(*(*file)->Size(), kSize);
}

TEST(PosixBackingFile, MakesNothingTwiceAndOpensNothingThatIsNotThere) {
  TempDir dir;
  ASSERT_TRUE(PosixBackingFile::Create(dir / "object", kSize).ok());
  EXPECT_EQ(PosixBackingFile::Create(dir / "object", kSize).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(PosixBackingFile::Open(dir / "other").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(PosixBackingFile::Create(dir / "no/object", kSize).status().code(), absl::StatusCode::kNotFound);
}

TEST(PosixBackingFile, TakesOnlyRegularFilesAndDoesNotHangOnAnother) {
  TempDir dir;
  ASSERT_EQ(mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(PosixBackingFile::Open(dir / "fifo").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(PosixBackingFile::Open(dir.path()).ok());
  ASSERT_EQ(symlink("/etc/hostname", (dir / "link").c_str()), 0);
  EXPECT_FALSE(PosixBackingFile::Open(dir / "link").ok());
}

TEST(PosixBackingFile, LeavesNoFileBehindWhenTheSizeIsRefused) {
  TempDir dir;
  EXPECT_FALSE(PosixBackingFile::Create(dir / "object", uint64_t{1} << 63).ok());
  EXPECT_NE(access((dir / "object").c_str(), F_OK), 0);
}

TEST(PosixBackingFile, ProgramsThatAreStartedDoNotInheritIt) {
  TempDir dir;
  const int next = dup(STDIN_FILENO);  // the number the file will get
  close(next);
  auto file = PosixBackingFile::Create(dir / "object", kSize);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(fcntl(next, F_GETFD), FD_CLOEXEC);
}

TEST(PosixBackingFile, AFullDiskIsResourceExhausted) {
  TempDir dir;
  const ScopedMount disk("tmpfs", dir.path(), "tmpfs", 0, "size=64k");
  if (!disk.status().ok()) GTEST_SKIP() << "needs CAP_SYS_ADMIN for a small disk: " << disk.status();
  auto file = PosixBackingFile::Create(dir / "object", kSize);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE((*file)->WriteAt(0, std::string(kBlockSize, 'a')).ok());
  const absl::Status status = (*file)->WriteAt(0, std::string(kSize, 'a'));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  // What is at stake and where.
  EXPECT_NE(status.message().find(dir / "object"), absl::string_view::npos) << status;
}

// A transfer that the kernel cuts short goes on where it stopped, and the error that follows is reported.
TEST(PosixBackingFile, AWriteThatStopsHalfWayIsAnError) {
  TempDir dir;
  auto file = PosixBackingFile::Create(dir / "object", 0);
  ASSERT_TRUE(file.ok()) << file.status();
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  rlimit limit = old;
  limit.rlim_cur = 5000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const absl::Status status = (*file)->WriteAt(0, std::string(2 * kBlockSize, 'a'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &old), 0);
  signal(SIGXFSZ, handler);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(*(*file)->Size(), 5000);
}

}  // namespace
}  // namespace lacuna
