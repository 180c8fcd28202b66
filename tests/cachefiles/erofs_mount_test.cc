// Mounting EROFS from local files: errors that say why, nothing left behind, loop devices that end by
// themselves.
#include "cachefiles/erofs_mount.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "cachefiles/loop_device.h"
#include "cachefiles/mount_api.h"
#include "tests/cachefiles/erofs_test_image.h"

namespace lacuna {
namespace {

size_t LoopDevicesIn(const DiskFolder& folder) {
  size_t count = 0;
  for (const auto& device : std::filesystem::directory_iterator("/sys/block")) {
    count += ReadWhole(device.path() / "loop/backing_file").find(folder.path()) != std::string::npos;
  }
  return count;
}

class ErofsMountTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = WhyNoMounts(); !why.empty()) GTEST_SKIP() << why;
    mkdir(target_.c_str(), 0700);
    image_ = &ErofsTestImage::Get(/*separate_blob=*/true);
    spec_ = {.source = image_->source(),
             .devices = {image_->device()},
             .through_loop = !KernelMountsFiles(folder_)};
  }
  void TearDown() override {
    Unmount(target_, /*lazy=*/true).IgnoreError();
    EXPECT_EQ(ReadWhole("/proc/self/mountinfo").find(folder_.path()), std::string::npos);
  }

  const DiskFolder folder_;
  const std::string target_ = folder_ / "mnt";
  const ErofsTestImage* image_ = nullptr;
  MountSpec spec_;
};

TEST_F(ErofsMountTest, MountsALocalImageReadOnly) {
  const absl::Status status = MountErofs(spec_, target_);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(ReadWhole(absl::StrCat(target_, "/big")), image_->files().at("big"));
  EXPECT_LT(open(absl::StrCat(target_, "/new").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600), 0);
  EXPECT_TRUE(Unmount(target_, /*lazy=*/false).ok());
  EXPECT_TRUE(absl::IsNotFound(Unmount(target_, /*lazy=*/false)));
}

TEST_F(ErofsMountTest, BusyIsFailedPreconditionAndLazyTakesItAway) {
  ASSERT_TRUE(MountErofs(spec_, target_).ok());
  const UniqueFd file(open(absl::StrCat(target_, "/one").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(absl::IsFailedPrecondition(Unmount(target_, /*lazy=*/false)));
  EXPECT_TRUE(Unmount(target_, /*lazy=*/true).ok());
  char byte = 0;
  EXPECT_EQ(pread(file.get(), &byte, 1, 0), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_F(ErofsMountTest, OptionsArePassedOn) {
  spec_.options = {"noacl", "user_xattr", "cache_strategy=readaround"};
  const absl::Status status = MountErofs(spec_, target_);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(ErofsMountTest, AnUnknownOptionIsNamedInTheKernelsWords) {
  spec_.options = {"nonsense=1"};
  const absl::Status status = MountErofs(spec_, target_);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_NE(status.message().find("nonsense"), absl::string_view::npos) << status;
  EXPECT_NE(status.message().find("kernel: "), absl::string_view::npos) << status;
}

TEST_F(ErofsMountTest, AValueTheKernelWouldRefuseIsRefusedWithTheReason) {
  // Without a loop device: no file of that name could be opened for one.
  spec_ = {.source = std::string(256, 'x')};
  const absl::Status status = MountErofs(spec_, target_);
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_NE(status.message().find("255"), absl::string_view::npos) << status;
}

TEST_F(ErofsMountTest, MoreDevicesThanOneOldMountCallCouldHold) {
  spec_.devices.assign(127, image_->device());  // the image has one: the kernel must see all 127 to say so
  const absl::Status status = MountErofs(spec_, target_);
  EXPECT_FALSE(status.ok());
}

TEST_F(ErofsMountTest, WhatIsNotThereOrNotErofs) {
  const MountSpec nothing = {.source = folder_ / "nothing"};
  EXPECT_TRUE(absl::IsNotFound(MountErofs(nothing, target_)));
  std::ofstream(folder_ / "zeros") << std::string(1 << 20, '\0');
  EXPECT_FALSE(MountErofs({.source = folder_ / "zeros"}, target_).ok());
  EXPECT_TRUE(absl::IsNotFound(MountErofs(spec_, folder_ / "no-such-directory")));
  EXPECT_TRUE(absl::IsNotFound(IsErofs(folder_ / "nothing").status()));
}

TEST_F(ErofsMountTest, LoopDevicesEndWithTheMount) {
  spec_.through_loop = true;
  ASSERT_TRUE(MountErofs(spec_, target_).ok());
  EXPECT_EQ(LoopDevicesIn(image_->folder()), 2u);
  EXPECT_EQ(ReadWhole(absl::StrCat(target_, "/big")), image_->files().at("big"));
  ASSERT_TRUE(Unmount(target_, /*lazy=*/false).ok());
  while (LoopDevicesIn(image_->folder()) > 0) std::this_thread::yield();  // CTest's timeout ends a leak
}

TEST_F(ErofsMountTest, NoLoopDeviceOutlivesAFailedMount) {
  spec_.through_loop = true;
  spec_.devices = {folder_ / "nothing"};
  EXPECT_TRUE(absl::IsNotFound(MountErofs(spec_, target_)));
  EXPECT_EQ(LoopDevicesIn(image_->folder()), 0u);
  spec_.devices = {image_->device(), image_->device()};  // one too many
  EXPECT_FALSE(MountErofs(spec_, target_).ok());
  EXPECT_EQ(LoopDevicesIn(image_->folder()), 0u);
}

TEST_F(ErofsMountTest, LoopDevicesAttachedAtOnceAreAllDifferent) {
  std::vector<std::string> paths(16);
  {
    std::vector<std::thread> threads;
    std::vector<absl::StatusOr<LoopDevice>> devices(16);
    for (size_t i = 0; i < 16; ++i) {
      threads.emplace_back([&, i] { devices[i] = LoopDevice::Attach(image_->source()); });
    }
    for (std::thread& thread : threads) thread.join();
    for (size_t i = 0; i < 16; ++i) {
      ASSERT_TRUE(devices[i].ok()) << devices[i].status();
      paths[i] = devices[i]->path();
      EXPECT_EQ(ReadWhole(absl::StrCat("/sys/block/", paths[i].substr(5), "/ro")), "1\n");
    }
    EXPECT_EQ(LoopDevicesIn(image_->folder()), 16u);
  }
  std::sort(paths.begin(), paths.end());
  EXPECT_EQ(std::unique(paths.begin(), paths.end()), paths.end());
  EXPECT_EQ(LoopDevicesIn(image_->folder()), 0u);
}

TEST(MountApi, AFileSystemNobodyHasIsUnimplemented) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: mounts";
  EXPECT_TRUE(absl::IsUnimplemented(FsContext::Open("no-such-fs").status()));
}

}  // namespace
}  // namespace lacuna
