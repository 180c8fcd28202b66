// CachefilesFile over a file on a disk with O_DIRECT, which refuses what the kernel's descriptor refuses.
#include "cachefiles/cachefiles_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <random>
#include <thread>

#include "daemon/base/block_aligned_buffer.h"
#include "tests/cachefiles/cachefiles_test_support.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kSize = 64 * kChunkSize;

class CachefilesFileTest : public testing::Test {
 protected:
  CachefilesFileTest() {
    UniqueFd fd(open(path_.c_str(), O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600));
    EXPECT_TRUE(fd.valid());
    EXPECT_EQ(ftruncate(fd.get(), kSize), 0);
    fd_ = std::make_shared<SharedFd>(std::move(fd));
    file_ = std::make_unique<CachefilesFile>(fd_);
  }

  std::string Content(uint64_t offset, size_t size) {
    const UniqueFd fd(open(path_.c_str(), O_RDONLY));
    std::string bytes(size, '?');
    EXPECT_EQ(pread(fd.get(), bytes.data(), size, static_cast<off_t>(offset)), static_cast<ssize_t>(size));
    return bytes;
  }

  const DiskFolder folder_;
  const std::string path_ = folder_ / "object";
  std::shared_ptr<SharedFd> fd_;
  std::unique_ptr<CachefilesFile> file_;
};

TEST_F(CachefilesFileTest, BuffersNeedNoAlignment) {
  const std::string bytes = NoiseOf(3 * 1024 * 1024 + 2 * kBlockSize + 1);
  for (const size_t shift : {0, 1, 8, 511, 512}) {
    const absl::Span<const char> shifted = absl::MakeConstSpan(bytes).subspan(shift, bytes.size() - 600);
    ASSERT_TRUE(file_->WriteAt(kBlockSize, shifted).ok()) << shift;
    EXPECT_EQ(Content(kBlockSize, shifted.size()), std::string(shifted.data(), shifted.size())) << shift;
  }
}

TEST_F(CachefilesFileTest, AnAlignedBufferIsWrittenAsItIs) {
  const std::string bytes = NoiseOf(kSize);
  const BlockAlignedBuffer buffer(bytes.begin(), bytes.end());
  ASSERT_TRUE(file_->WriteAt(0, buffer).ok());
  EXPECT_EQ(Content(0, kSize), bytes);
}

TEST_F(CachefilesFileTest, ALastPartOfABlockIsPaddedWithZeros) {
  ASSERT_TRUE(file_->WriteAt(0, NoiseOf(2 * kBlockSize)).ok());
  ASSERT_TRUE(file_->WriteAt(kBlockSize, "tail").ok());
  EXPECT_EQ(Content(kBlockSize, kBlockSize), "tail" + std::string(kBlockSize - 4, '\0'));
  EXPECT_TRUE(file_->WriteAt(0, "").ok());
}

TEST_F(CachefilesFileTest, OffsetsAreBlocks) {
  for (const uint64_t offset : {1, 512, 4095}) {
    EXPECT_TRUE(absl::IsInvalidArgument(file_->WriteAt(offset, NoiseOf(kBlockSize)))) << offset;
  }
  EXPECT_THAT(*file_->DataIn({0, kSize}), IsEmpty());
}

TEST_F(CachefilesFileTest, DataInIsWhatWasWritten) {
  EXPECT_THAT(*file_->DataIn({0, kSize}), IsEmpty());
  ASSERT_TRUE(file_->WriteAt(kChunkSize, NoiseOf(kChunkSize)).ok());
  ASSERT_TRUE(file_->WriteAt(4 * kChunkSize, std::string(kBlockSize, '\0')).ok()) << "zeros are data too";
  EXPECT_THAT(*file_->DataIn({0, kSize}),
              ElementsAre(ByteRange{kChunkSize, kChunkSize}, ByteRange{4 * kChunkSize, kBlockSize}));
  EXPECT_THAT(*file_->DataIn({kChunkSize + kBlockSize, kBlockSize}),
              ElementsAre(ByteRange{kChunkSize + kBlockSize, kBlockSize}));
  EXPECT_THAT(*file_->DataIn({2 * kChunkSize, kChunkSize}), IsEmpty());
  EXPECT_THAT(*file_->DataIn({0, kSize * 2}), testing::SizeIs(2)) << "beyond the end is a hole";
  EXPECT_THAT(*file_->DataIn({5, 0}), IsEmpty());
}

TEST_F(CachefilesFileTest, ShortWritesAreContinuedAndAFullDiskIsAnError) {
  // The kernel cuts a write at this limit, within a block, and then refuses the next with EFBIG.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit limit = {.rlim_cur = 10 * kBlockSize, .rlim_max = old.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const absl::Status status = file_->WriteAt(8 * kBlockSize, NoiseOf(4 * kBlockSize));
  setrlimit(RLIMIT_FSIZE, &old);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(*file_->DataIn({0, kSize}), ElementsAre(ByteRange{8 * kBlockSize, 2 * kBlockSize}));
}

TEST_F(CachefilesFileTest, ClosedFilesAreUnavailable) {
  fd_->Close();
  EXPECT_TRUE(absl::IsUnavailable(file_->WriteAt(0, NoiseOf(kBlockSize))));
  EXPECT_TRUE(absl::IsUnavailable(file_->DataIn({0, kSize}).status()));
  EXPECT_TRUE(file_->Sync().ok());
}

TEST_F(CachefilesFileTest, WhatTheKernelDoesNotOfferIsUnimplemented) {
  char byte;
  EXPECT_TRUE(absl::IsUnimplemented(file_->ReadAt(0, absl::MakeSpan(&byte, 1))));
  EXPECT_TRUE(absl::IsUnimplemented(file_->PunchHole({0, kBlockSize})));
}

TEST_F(CachefilesFileTest, ClosingMeanwhileIsNeverAWriteToAnotherFile) {
  std::thread writer([&] {
    const std::string bytes = NoiseOf(kChunkSize);
    while (file_->WriteAt(0, bytes).ok() && file_->DataIn({0, kSize}).ok()) continue;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  fd_->Close();
  EXPECT_TRUE(fd_->WaitUntilClosed(std::chrono::steady_clock::now() + std::chrono::seconds(20)));
  // Takes the number of the descriptor.
  const UniqueFd other(open((folder_ / "other").c_str(), O_RDWR | O_CREAT, 0600));
  writer.join();
  struct stat info {};
  ASSERT_EQ(fstat(other.get(), &info), 0);
  EXPECT_EQ(info.st_size, 0);
}

TEST(SharedFdTest, TheLastUserClosesIt) {
  SharedFd shared{UniqueFd(open("/dev/null", O_RDONLY))};
  EXPECT_TRUE(shared.WhileOpen([&](int fd) {
    shared.Close();
    EXPECT_FALSE(shared.WhileOpen([](int) {}));
    EXPECT_FALSE(shared.WaitUntilClosed(std::chrono::steady_clock::now()));
    EXPECT_GE(fcntl(fd, F_GETFD), 0);
  }));
  EXPECT_TRUE(shared.closing());
  EXPECT_TRUE(shared.WaitUntilClosed(std::chrono::steady_clock::now()));
}

}  // namespace
}  // namespace lacuna
