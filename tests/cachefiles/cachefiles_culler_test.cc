// The culler over a real folder tree; the fake kernel removes what `cull` names in the caller's directory.
#include "cachefiles/cachefiles_culler.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/cachefiles/cachefiles_test_support.h"

namespace lacuna {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kNoPatience(0);
constexpr milliseconds kPatience(20'000);

class CachefilesCullerTest : public CachefilesDoorTest {
 protected:
  // In the folder that a hash might have chosen; used `age` seconds ago.
  std::string MakeFile(const ObjectKey& key, const std::string& folder, int age = 0, size_t size = 8192) {
    const std::string path = Folder(folder) + "/D" + key.FileName();
    std::filesystem::create_directories(Folder(folder));
    std::ofstream(path) << std::string(size, 'x');
    const timespec then = {.tv_sec = time(nullptr) - age, .tv_nsec = 0};
    const timespec times[] = {then, then};
    EXPECT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    return path;
  }
  std::string Folder(const std::string& name) { return folder_ / ("cache/Ierofs,lacuna/" + name); }
  static bool Exists(const std::string& path) { return std::filesystem::exists(path); }
  static ObjectKey Key(const std::string& name) { return ObjectKey::ForBlob(Digest::Of(name)); }

  CachefilesCuller culler_{folder_.path(), {}, kernel_};
};

TEST_F(CachefilesCullerTest, CullRemovesTheObjectWhicheverFolderHasIt) {
  for (const char* const folder : {"@00", "@0a", "@ff"}) {
    const std::string path = MakeFile(Key(folder), folder);
    EXPECT_TRUE(culler_.Cull(Key(folder), kNoPatience, false).ok());
    EXPECT_FALSE(Exists(path));
  }
  EXPECT_EQ(culler_.culled(), 3u);
}

TEST_F(CachefilesCullerTest, CullOfNothingIsDone) {
  EXPECT_TRUE(culler_.Cull(Key("nothing"), kNoPatience, false).ok());
  EXPECT_TRUE(culler_.Cull(Key("nothing"), milliseconds(50), true).ok()) << "expected, and never came";
}

TEST_F(CachefilesCullerTest, WhatIsInUseStays) {
  const std::string path = MakeFile(Key("busy"), "@12");
  kernel_->KeepBusy("D" + Key("busy").FileName(), 1'000'000);
  EXPECT_TRUE(absl::IsFailedPrecondition(culler_.Cull(Key("busy"), milliseconds(50), false)));
  EXPECT_TRUE(Exists(path));
}

TEST_F(CachefilesCullerTest, AnObjectThatIsBeingWithdrawnIsWaitedFor) {
  const std::string path = MakeFile(Key("busy"), "@12");
  kernel_->KeepBusy("D" + Key("busy").FileName(), 3);
  EXPECT_TRUE(culler_.Cull(Key("busy"), kPatience, false).ok());
  EXPECT_FALSE(Exists(path));
}

TEST_F(CachefilesCullerTest, AFileThatAppearsAfterItsCloseIsCulled) {
  std::thread kernel([&] {
    std::this_thread::sleep_for(milliseconds(30));
    MakeFile(Key("new"), "@34");
  });
  EXPECT_TRUE(culler_.Cull(Key("new"), kPatience, true).ok());
  kernel.join();
  EXPECT_EQ(culler_.culled(), 1u);
}

TEST_F(CachefilesCullerTest, OtherErrorsAreTold) {
  MakeFile(Key("bad"), "@12");
  kernel_->FailCommands("cull", EIO);
  EXPECT_TRUE(absl::IsInternal(culler_.Cull(Key("bad"), kPatience, false)));
}

TEST_F(CachefilesCullerTest, TheProcessKeepsItsDirectory) {
  const auto before = std::filesystem::current_path();
  MakeFile(Key("a"), "@12");
  EXPECT_TRUE(culler_.Cull(Key("a"), kNoPatience, false).ok());
  EXPECT_EQ(std::filesystem::current_path(), before);
}

TEST_F(CachefilesCullerTest, StopEndsTheWaiting) {
  MakeFile(Key("busy"), "@12");
  kernel_->KeepBusy("D" + Key("busy").FileName(), 1'000'000);
  std::thread stopper([&] {
    std::this_thread::sleep_for(milliseconds(20));
    culler_.Stop();
  });
  EXPECT_TRUE(absl::IsUnavailable(culler_.Cull(Key("busy"), kPatience, false)));
  stopper.join();
}

TEST_F(CachefilesCullerTest, FilesComeInTheOrderOfTheirLastUse) {
  MakeFile(Key("middle"), "@12", 20);
  MakeFile(Key("newest"), "@00", 10);
  MakeFile(Key("oldest"), "@ff", 30);
  std::vector<std::string> names;
  for (const CacheFile& file : CacheFilesByAge(folder_.path())) names.push_back(file.name);
  EXPECT_THAT(names, testing::ElementsAre("D" + Key("oldest").FileName(), "D" + Key("middle").FileName(),
                                          "D" + Key("newest").FileName()));
}

TEST_F(CachefilesCullerTest, MakeSpaceRemovesTheOldestThatIsNotInUse) {
  // No file system has 99% free for long: everything unused goes.
  CachefilesCuller greedy(folder_.path(), {.brun = 99, .frun = 99}, kernel_);
  const std::string busy = MakeFile(Key("busy"), "@01", 30);
  const std::string old = MakeFile(Key("old"), "@02", 20);
  kernel_->KeepBusy("D" + Key("busy").FileName(), 1'000'000);
  greedy.MakeSpace();
  ASSERT_TRUE(greedy.Cull(Key("none"), kNoPatience, false).ok()) << "comes after it";
  if (greedy.culled() == 0) GTEST_SKIP() << "this disk is empty";
  EXPECT_TRUE(Exists(busy));
  EXPECT_FALSE(Exists(old));
}

TEST_F(CachefilesCullerTest, MakeSpaceLeavesAllWhereSpaceIsFree) {
  CachefilesCuller modest(folder_.path(), {.brun = 0, .frun = 0}, kernel_);
  const std::string old = MakeFile(Key("old"), "@02", 20);
  modest.MakeSpace();
  ASSERT_TRUE(modest.Cull(Key("none"), kNoPatience, false).ok());
  EXPECT_TRUE(Exists(old));
}

TEST_F(CachefilesCullerTest, TheDoorKnowsWhatIsKept) {
  StartDoor();
  MakeFile(device_object_.key, "@77", 0, 3 * kBlockSize);
  EXPECT_EQ(door_->KeptBytes(device_object_.key), 3 * kBlockSize);
  EXPECT_EQ(door_->KeptBytes(Key("nothing")), 0u);
}

TEST_F(CachefilesCullerTest, TheDoorCullsWhatIsNeitherPublishedNorOpen) {
  StartDoor();
  const std::string path = MakeFile(device_object_.key, "@77");
  const uint32_t id = OpenDevice();
  EXPECT_TRUE(absl::IsFailedPrecondition(door_->Cull(device_object_.key)));
  spec_ = {};
  EXPECT_TRUE(absl::IsFailedPrecondition(door_->Cull(device_object_.key))) << "still open";
  kernel_->SendClose(id);
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_TRUE(door_->Cull(device_object_.key).ok());
  EXPECT_FALSE(Exists(path));
  EXPECT_EQ(door_->culled(), 1u);
}

}  // namespace
}  // namespace lacuna
