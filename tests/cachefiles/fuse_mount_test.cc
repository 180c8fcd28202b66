// The fuse door under real EROFS mounts: file-backed and through loop devices, with one file and with a
// separate blob. Never a wrong byte, never a hung reader, nothing left behind.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "cachefiles/erofs_mount.h"
#include "cachefiles/fuse_door.h"
#include "cachefiles/private_keeper.h"
#include "tests/cachefiles/erofs_test_image.h"
#include "tests/cachefiles/fuse_test_support.h"

namespace lacuna {
namespace {

size_t OpenDescriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

// The loop devices over objects of this key, by what the kernel says it opened.
size_t LoopDevicesOver(const ObjectKey& key) {
  size_t count = 0;
  for (const auto& device : std::filesystem::directory_iterator("/sys/block")) {
    const std::string file = ReadWhole(device.path() / "loop/backing_file");
    count += file.find(key.FileName()) != std::string::npos;
  }
  return count;
}

// Reads 4 KiB without readahead. The error is an errno value.
struct BlockRead {
  int error = 0;
  std::string bytes;
};
BlockRead ReadBlock(const std::string& path, uint64_t offset) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return {errno, ""};
  posix_fadvise(fd.get(), 0, 0, POSIX_FADV_RANDOM);
  std::string bytes(kBlockSize, '\0');
  const ssize_t size = pread(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (size < 0) return {errno, ""};
  bytes.resize(static_cast<size_t>(size));
  return {0, bytes};
}

struct Way {
  bool loop;
  bool separate_blob;
};

class FuseMountTest : public testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    if (const std::string why = WhyNoMounts(); !why.empty()) GTEST_SKIP() << why;
    if (!GetParam().loop && !KernelMountsFiles(folder_)) {
      GTEST_SKIP() << "needs a kernel that mounts EROFS from files";
    }
    descriptors_before_ = OpenDescriptors();
    image_ = &ErofsTestImage::Get(GetParam().separate_blob);
    published_.bootstrap = Object(image_->bootstrap());
    if (GetParam().separate_blob) published_.devices.push_back(Object(image_->blob()));
    mkdir(mount_point_.c_str(), 0700);
    pool_ = std::make_unique<WorkerPool>(2);
    door_ = std::make_unique<FuseDoor>(FuseDoor::Options{folder_.path(), GetParam().loop}, keeper_, *pool_);
    const absl::Status status = door_->Start(engine_);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(door_->Serve().ok());
    engine_.AnswerReadsWith(absl::OkStatus());
  }

  void TearDown() override {
    if (door_ == nullptr) return;
    door_->Stop();
    Unmount(mount_point_, /*lazy=*/true).IgnoreError();
    spec_ = {};
    door_.reset();
    pool_.reset();
    EXPECT_EQ(ReadWhole("/proc/self/mountinfo").find(folder_.path()), std::string::npos);
    EXPECT_FALSE(std::filesystem::is_symlink(folder_ / "fuse"));
    while (LoopDevicesOver(published_.bootstrap.key) > 0) usleep(1000);  // CTest's timeout ends a leak
    EXPECT_EQ(OpenDescriptors(), descriptors_before_);
  }

  PublishedObject Object(const std::string& bytes) {
    const PublishedObject object = {
        .key = ObjectKey::ForBlob(Digest::Of(absl::StrCat(folder_.path(), bytes.size()))),
        .size = bytes.size(),
        .file = std::make_shared<BytesInMemory>(bytes)};
    engine_.Knows(object);
    return object;
  }

  void Mount() {
    absl::StatusOr<MountSpec> spec = door_->Publish(published_);
    ASSERT_TRUE(spec.ok()) << spec.status();
    spec_ = *std::move(spec);
    const absl::Status status = MountErofs(spec_, mount_point_);
    ASSERT_TRUE(status.ok()) << status;
  }
  std::string PathOf(const std::string& name) const { return absl::StrCat(mount_point_, "/", name); }
  std::string BigBytes(uint64_t offset) const { return image_->files().at("big").substr(offset, kBlockSize); }
  void ExpectAllEqual() const {
    for (const auto& [name, content] : image_->files()) {
      EXPECT_TRUE(ReadWhole(PathOf(name)) == content) << name << " differs";
    }
  }
  // Starts readers of "big", one block every 64 KiB, and returns when all are parked.
  std::vector<PendingRead> ParkReaders(size_t count) {
    ReadBlock(PathOf("big"), ErofsTestImage::kBigFile - kBlockSize);  // brings the metadata
    engine_.ParkReads();
    results_.resize(count);
    for (size_t i = 0; i < count; ++i) {
      readers_.emplace_back([this, i] { results_[i] = ReadBlock(PathOf("big"), i * kChunkSize); });
    }
    return engine_.TakeParked(count);
  }
  void JoinReaders() {
    for (std::thread& reader : readers_) reader.join();
    readers_.clear();
  }

  const DiskFolder folder_;
  const std::string mount_point_ = folder_ / "mnt";
  size_t descriptors_before_ = 0;
  const ErofsTestImage* image_ = nullptr;
  PublishedImage published_;
  ScriptedEngine engine_;
  PrivateKeeper keeper_;
  std::unique_ptr<WorkerPool> pool_;
  std::unique_ptr<FuseDoor> door_;
  MountSpec spec_;
  std::vector<std::thread> readers_;
  std::vector<BlockRead> results_;
};

TEST_P(FuseMountTest, EveryByteIsEqual) {
  Mount();
  ExpectAllEqual();
  EXPECT_TRUE(Unmount(mount_point_, /*lazy=*/false).ok());
  EXPECT_EQ(door_->counters().errors_answered, 0u);
  EXPECT_EQ(door_->counters().malformed_requests, 0u);
  EXPECT_EQ(door_->counters().protocol_errors, 0u);
}

TEST_P(FuseMountTest, TheKernelHasAnObjectOpenAsLongAsAnybodyUsesItsMount) {
  const ObjectKey& key = published_.bootstrap.key;
  EXPECT_FALSE(door_->IsOpen(key));
  Mount();
  EXPECT_TRUE(door_->IsOpen(key));
  UniqueFd file(open(PathOf("big").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(Unmount(mount_point_, /*lazy=*/true).ok());
  spec_ = {};
  EXPECT_TRUE(door_->IsOpen(key));
  file.Reset();
  while (door_->IsOpen(key)) usleep(1000);  // CTest's timeout ends a leak
}

TEST_P(FuseMountTest, TheFuseFileSystemIsInNoMountTable) {
  Mount();
  const std::string table = ReadWhole("/proc/self/mountinfo");
  const std::vector<absl::string_view> lines = absl::StrSplit(table, '\n');
  EXPECT_EQ(table.find(" - fuse lacuna "), std::string::npos) << table;
  EXPECT_NE(table.find(GetParam().loop ? "/dev/loop" : folder_ / "fuse/v1-sha256-"), std::string::npos);
  EXPECT_TRUE(*IsErofs(mount_point_));
  EXPECT_FALSE(*IsErofs(folder_.path()));
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [this](absl::string_view line) { return absl::StrContains(line, folder_.path()); }),
            1);
}

TEST_P(FuseMountTest, EqualWhenReadsCompleteLateInAnyOrderFromOtherThreads) {
  // Four threads hold up to 64 reads each and let them go in random order.
  Mutex mutex;
  std::vector<PendingRead> held;
  std::atomic<bool> done = false;
  engine_.AnswerReadsBy([&](PendingRead read) {
    MutexLock lock(mutex);
    held.push_back(std::move(read));
  });
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      while (!done) {
        std::vector<PendingRead> mine;
        {
          MutexLock lock(mutex);
          if (!held.empty()) {
            std::swap(held.back(), held[random() % held.size()]);
            mine.push_back(std::move(held.back()));
            held.pop_back();
          }
        }
        std::this_thread::yield();
        for (PendingRead& read : mine) std::move(read).Complete(absl::OkStatus());
      }
    });
  }
  Mount();
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back([&] { ExpectAllEqual(); });
  for (std::thread& reader : readers) reader.join();
  done = true;
  for (std::thread& thread : threads) thread.join();
}

TEST_P(FuseMountTest, RandomReadsWithFailuresAreRightOrEio) {
  Mount();
  ReadBlock(PathOf("big"), 0);  // brings the metadata
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  // Mostly failures: EROFS and the block layer ask a second time.
  const auto failures = std::make_shared<std::mt19937>(seed + 1);
  engine_.AnswerReadsBy([failures](PendingRead read) {
    std::move(read).Complete((*failures)() % 4 > 0 ? absl::UnavailableError("planted") : absl::OkStatus());
  });
  std::mt19937 random(seed);
  int failed = 0;
  for (int i = 0; i < 500; ++i) {
    const uint64_t offset = random() % (ErofsTestImage::kBigFile / kBlockSize) * kBlockSize;
    const BlockRead read = ReadBlock(PathOf("big"), offset);
    if (read.error == 0) {
      ASSERT_EQ(read.bytes, BigBytes(offset)) << "at " << offset;
    } else {
      ASSERT_EQ(read.error, EIO);
      ++failed;
    }
  }
  EXPECT_GT(failed, 0);
  engine_.AnswerReadsWith(absl::OkStatus());
  ExpectAllEqual();
}

TEST_P(FuseMountTest, ThreeHundredReadersReachTheEngineAtOnce) {
  // Of a loop device 128, its queue's depth (`loop.hw_queue_depth`, fixed when the module is loaded).
  const size_t count = GetParam().loop ? 128 : 300;
  Mount();
  std::vector<PendingRead> reads = ParkReaders(count);
  EXPECT_GE(reads.size(), count);
  engine_.AnswerReadsWith(absl::OkStatus());
  for (PendingRead& read : reads) std::move(read).Complete(absl::OkStatus());
  JoinReaders();
  for (size_t i = 0; i < results_.size(); ++i) EXPECT_EQ(results_[i].bytes, BigBytes(i * kChunkSize));
}

TEST_P(FuseMountTest, AReaderKilledWhileParkedLeavesEverythingWell) {
  Mount();
  ReadBlock(PathOf("big"), kChunkSize * 9);
  engine_.ParkReads();
  const std::string path = PathOf("big");
  const pid_t child = fork();
  if (child == 0) {
    char byte;
    const int fd = open(path.c_str(), O_RDONLY);
    _exit(pread(fd, &byte, 1, 0) == 1 ? 0 : 1);
  }
  std::vector<PendingRead> reads = engine_.TakeParked(1);
  ASSERT_FALSE(reads.empty());
  kill(child, SIGKILL);
  engine_.AnswerReadsWith(absl::OkStatus());
  reads.clear();  // what a process that nobody waits for gets does not matter
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  ExpectAllEqual();
}

TEST_P(FuseMountTest, UnmountWithReadsParked) {
  Mount();
  std::vector<PendingRead> reads = ParkReaders(8);
  EXPECT_TRUE(absl::IsFailedPrecondition(Unmount(mount_point_, /*lazy=*/false)));
  EXPECT_TRUE(Unmount(mount_point_, /*lazy=*/true).ok());
  spec_ = {};  // also their names are gone
  EXPECT_TRUE(absl::IsFailedPrecondition(door_->Cull(published_.bootstrap.key)));
  engine_.AnswerReadsWith(absl::OkStatus());
  for (PendingRead& read : reads) std::move(read).Complete(absl::OkStatus());
  JoinReaders();
  for (size_t i = 0; i < results_.size(); ++i) EXPECT_EQ(results_[i].bytes, BigBytes(i * kChunkSize));
}

TEST_P(FuseMountTest, StopGivesParkedReadersEioAndTheMountCanGo) {
  Mount();
  std::vector<PendingRead> reads = ParkReaders(64);
  door_->Stop();
  JoinReaders();
  for (const BlockRead& result : results_) EXPECT_EQ(result.error, EIO);
  EXPECT_EQ(ReadBlock(PathOf("big"), 17 << 20).error, EIO);
  EXPECT_TRUE(Unmount(mount_point_, /*lazy=*/false).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(door_->Publish(published_).status()));
  for (PendingRead& read : reads) std::move(read).Complete(absl::OkStatus());
}

TEST_P(FuseMountTest, AFailedMountLeavesNothingAndALaterOneWorks) {
  spec_ = *door_->Publish(published_);
  engine_.AnswerReadsWith(absl::UnavailableError("planted"));
  EXPECT_FALSE(MountErofs(spec_, mount_point_).ok());
  engine_.AnswerReadsWith(absl::OkStatus());
  engine_.AnswerOpensWith(absl::UnavailableError("planted"));
  EXPECT_FALSE(MountErofs(spec_, mount_point_).ok());
  EXPECT_EQ(LoopDevicesOver(published_.bootstrap.key), 0u);
  engine_.AnswerOpensWith(absl::OkStatus());
  Mount();
  ExpectAllEqual();
}

TEST_P(FuseMountTest, CullOnlyWhenNothingUsesIt) {
  const ObjectKey key = published_.bootstrap.key;
  EXPECT_TRUE(door_->Cull(key).ok());
  Mount();
  EXPECT_TRUE(absl::IsFailedPrecondition(door_->Cull(key)));
  ASSERT_TRUE(Unmount(mount_point_, /*lazy=*/false).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(door_->Cull(key))) << "still published";
  spec_ = {};
  while (!door_->Cull(key).ok()) usleep(1000);  // RELEASE comes when the kernel gets to it
}

TEST_P(FuseMountTest, MountedTwiceAndAgainAfterwards) {
  Mount();
  const std::string second = folder_ / "second";
  mkdir(second.c_str(), 0700);
  ASSERT_TRUE(BindMount(mount_point_, second).ok());
  EXPECT_EQ(ReadBlock(absl::StrCat(second, "/big"), 0).bytes, BigBytes(0));
  EXPECT_LT(open(absl::StrCat(second, "/new").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600), 0);
  EXPECT_EQ(errno, EROFS);
  ASSERT_TRUE(Unmount(mount_point_, /*lazy=*/false).ok());
  EXPECT_EQ(ReadBlock(absl::StrCat(second, "/big"), kChunkSize).bytes, BigBytes(kChunkSize));
  ASSERT_TRUE(Unmount(second, /*lazy=*/false).ok());
  Mount();
  ExpectAllEqual();
}

TEST_P(FuseMountTest, AFinishedObjectIsMountedFromItsOwnFile) {
  published_.bootstrap.finished_path = image_->source();
  if (GetParam().separate_blob) published_.devices[0].finished_path = image_->device();
  Mount();
  EXPECT_EQ(spec_.source, image_->source());
  engine_.AnswerReadsWith(absl::InternalError("the door is not asked"));
  ExpectAllEqual();
  EXPECT_EQ(engine_.opens(published_.bootstrap.key), 0);
}

TEST_P(FuseMountTest, WhatCannotBePublished) {
  published_.bootstrap.size -= 1;
  EXPECT_TRUE(absl::IsInvalidArgument(door_->Publish(published_).status()));
  published_.bootstrap.size = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(door_->Publish(published_).status()));
  published_.bootstrap.size = kBlockSize;
  published_.bootstrap.file = nullptr;
  EXPECT_TRUE(absl::IsInvalidArgument(door_->Publish(published_).status()));
  EXPECT_TRUE(door_->Cull(published_.bootstrap.key).ok()) << "a failed Publish keeps nothing";
}

INSTANTIATE_TEST_SUITE_P(, FuseMountTest,
                         testing::Values(Way{false, false}, Way{false, true}, Way{true, false},
                                         Way{true, true}),
                         [](const auto& param_info) {
                           return absl::StrCat(param_info.param.loop ? "Loop" : "FileBacked",
                                               param_info.param.separate_blob ? "WithBlob" : "");
                         });

}  // namespace
}  // namespace lacuna
