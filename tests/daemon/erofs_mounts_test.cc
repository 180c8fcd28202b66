// ErofsMounts: what it records, and what it makes of what a daemon that died has left. The mounts are real,
// of finished files, so that they outlive their daemon without a door; that daemon is a process of its own.
#include "daemon/erofs_mounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "cachefiles/erofs_mount.h"
#include "daemon/base/log.h"
#include "daemon/mount_leftovers.h"
#include "erofs-tools/tiny_image.h"
#include "tests/cachefiles/erofs_test_image.h"
#include "tests/daemon/engine_rig.h"

namespace lacuna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr char kBoot[] = "this boot";
constexpr size_t kImages = 3;
constexpr size_t kNoImage = kImages;  // a blob that the kernel will not mount

std::string ContentOf(size_t image) {
  return absl::StrCat("the file of image ", image);
}

std::vector<std::string> Blobs() {
  std::vector<std::string> blobs;
  for (size_t i = 0; i < kImages; ++i) blobs.push_back(TinyErofsImage("file", ContentOf(i)));
  blobs.push_back(MakeBlob(2 * kBlockSize));
  return blobs;
}

// Has the kernel mount finished files, and counts what is published. The test says what is open.
class FilesDoor : public SimulatedDoor {
 public:
  absl::StatusOr<MountSpec> Publish(const PublishedImage& image) override {
    const ObjectKey key = image.bootstrap.key;
    ++published_[key];
    through_file_ = !image.bootstrap.finished_path.empty();
    return MountSpec{.source = image.bootstrap.finished_path,
                     .publication = {nullptr, [this, key](const void*) { --published_[key]; }}};
  }
  bool IsOpen(const ObjectKey& key) const override { return open_.contains(key); }

  int published(const ObjectKey& key) { return published_[key]; }
  bool last_went_through_its_file() const { return through_file_; }
  void SetOpen(const ObjectKey& key) { open_.insert(key); }
  void SetClosed(const ObjectKey& key) { open_.erase(key); }

 private:
  std::map<ObjectKey, int> published_;
  bool through_file_ = false;
  std::set<ObjectKey> open_;
};

// One daemon's life, as far as mounts matter.
struct Life {
  Life(const DiskFolder& folder, std::string boot_id = kBoot)
      : db(*CacheDb::Open(folder / "cache.db")), mounts(door, *db, folder / "mounts", std::move(boot_id)) {}

  std::vector<std::string> Directories() {
    std::vector<std::string> directories;
    for (const MountInfo& mount : mounts.List()) directories.push_back(mount.directory);
    return directories;
  }

  FilesDoor door;
  std::unique_ptr<CacheDb> db;
  ErofsMounts mounts;
};

class ErofsMountsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = WhyNoMounts(); !why.empty()) GTEST_SKIP() << why;
    if (!KernelMountsFiles(folder_)) GTEST_SKIP() << "needs a kernel that mounts EROFS from files";
    for (const char* name : {"mounts", "a", "b", "c"}) mkdir((folder_ / name).c_str(), 0700);
    for (size_t i = 0; i <= kImages; ++i) {
      std::shared_ptr<BlobCache> object = *table_.Acquire(rig_.key(i), rig_.source(i));
      object->Prefetch({0, object->size()}, Priority::kDemand, [](const absl::Status&) {});
      rig_.Settle();
      ASSERT_FALSE(object->finished_path().empty());
      images_.push_back({.reference = absl::StrCat("registry.test/image:", i),
                         .manifest_digest = Digest::Of(absl::StrCat("manifest ", i)),
                         .plain_http = true,
                         .objects = {object},
                         .records = {{rig_.blob(i).digest, rig_.blob(i).size}}});
    }
  }
  void TearDown() override {
    for (const bool mount_points : {false, true}) {
      for (const std::string& directory : Shown(mount_points)) EXPECT_TRUE(Unmount(directory, true).ok());
    }
    images_.clear();
    table_.CloseAll(absl::CancelledError("the test's end"));
  }

  // A daemon that lives while `does` does, and then is dead at once.
  void LiveAndDie(const std::function<bool(Life&)>& does) {
    const pid_t child = fork();
    if (child == 0) {
      Life life(folder_);
      _exit(does(life) ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }
  // The next daemon, on a door that outlived the one that died.
  std::unique_ptr<Life> TakeOver(const std::string& boot_id = kBoot) {
    auto life = std::make_unique<Life>(folder_, boot_id);
    const absl::Status adopted = life->mounts.Adopt([this](const FileSystemRecord& r) { return Open(r); });
    EXPECT_TRUE(adopted.ok()) << adopted;
    return life;
  }
  absl::StatusOr<OpenImage> Open(const FileSystemRecord& record) {
    for (const OpenImage& image : images_) {
      if (image.records != record.objects) continue;
      if (record.reference == unopenable_) return absl::DataLossError("planted");
      return OpenImage{record.reference, record.manifest_digest, record.plain_http, image.objects,
                       image.records};
    }
    return absl::NotFoundError("no such image");
  }

  std::string Directory(const std::string& name) const { return folder_ / name; }
  ObjectKey Key(size_t image) const { return images_[image].objects.front()->key(); }
  // Mounted below the folder: directory, and whether it is one of the file systems' own.
  std::vector<std::string> Shown(bool mount_points) const {
    const std::string own = folder_ / "mounts/";
    std::vector<std::string> shown;
    const std::vector<MountEntry> entries = ReadMountInfo().value();
    for (const MountEntry& entry : entries) {
      if (!absl::StartsWith(entry.directory, folder_ / "")) continue;
      if (absl::StartsWith(entry.directory, own) == mount_points) shown.push_back(entry.directory);
    }
    return shown;
  }
  size_t MountPointDirectories() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_ / "mounts"), {}));
  }
  void ExpectNothingIsLeft(Life& life) const {
    life.mounts.ForgetUnmounted();
    EXPECT_THAT(Shown(true), IsEmpty());
    EXPECT_THAT(Shown(false), IsEmpty());
    EXPECT_EQ(MountPointDirectories(), 0u);
    EXPECT_THAT(life.db->FileSystems().value(), IsEmpty());
    EXPECT_THAT(life.db->Mounts().value(), IsEmpty());
    for (size_t i = 0; i < kImages; ++i) EXPECT_EQ(life.door.published(Key(i)), 0);
  }

  const DiskFolder folder_;
  EngineRig rig_{Blobs()};
  ObjectTable table_{rig_.context()};
  std::vector<OpenImage> images_;
  std::string unopenable_;  // a reference
};

TEST_F(ErofsMountsTest, WhatIsMountedIsRecordedUntilItIsUnmounted) {
  Life life(folder_);
  const absl::StatusOr<MountInfo> info = life.mounts.Mount(images_[0], Directory("a"));
  ASSERT_TRUE(info.ok()) << info.status();
  ASSERT_TRUE(life.mounts.Mount(images_[0], Directory("b")).ok());
  const std::vector<FileSystemRecord> file_systems = life.db->FileSystems().value();
  ASSERT_THAT(Shown(true), SizeIs(1));
  const RemoteBlob& blob = rig_.blob(0);
  EXPECT_THAT(file_systems, ElementsAre(FileSystemRecord{Shown(true)[0],
                                                         "registry.test/image:0",
                                                         Digest::Of("manifest 0"),
                                                         true,
                                                         {{blob.digest, blob.size}},
                                                         kBoot}));
  const std::vector<MountRecord> mounts = life.db->Mounts().value();
  ASSERT_THAT(mounts, SizeIs(2));
  EXPECT_EQ(mounts[0], (MountRecord{Directory("a"), Shown(true)[0], "registry.test/image:0",
                                    Digest::Of("manifest 0"), info->since_unix_seconds}));
  ASSERT_TRUE(life.mounts.Unmount(Directory("a"), /*lazy=*/false).ok());
  EXPECT_THAT(life.db->Mounts().value(), SizeIs(1));
  EXPECT_THAT(life.db->FileSystems().value(), SizeIs(1));
  ASSERT_TRUE(Unmount(Directory("b"), /*lazy=*/false).ok()) << "without asking anybody";
  ExpectNothingIsLeft(life);
}

TEST_F(ErofsMountsTest, AMountThatFailsLeavesNothing) {
  Life life(folder_);
  EXPECT_FALSE(life.mounts.Mount(images_[kNoImage], Directory("a")).ok());
  ExpectNothingIsLeft(life);
}

TEST_F(ErofsMountsTest, WhatIsShownAlreadyIsNotOpenedAgain) {
  Life life(folder_);
  std::atomic<int> opened = 0;
  const auto ensure = [&] {
    return life.mounts.Ensure(Directory("a"), [&]() -> absl::StatusOr<OpenImage> {
      ++opened;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the others come meanwhile
      return images_[0];
    });
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { EXPECT_TRUE(ensure().ok()); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(opened, 1);
  EXPECT_EQ(ReadWhole(Directory("a") + "/file"), ContentOf(0));

  ASSERT_TRUE(Unmount(Directory("a"), /*lazy=*/false).ok());
  EXPECT_TRUE(ensure().ok()) << "somebody unmounted it without asking us";
  EXPECT_EQ(opened, 2);
  EXPECT_EQ(ReadWhole(Directory("a") + "/file"), ContentOf(0));
}

TEST_F(ErofsMountsTest, WhatCouldNotBeOpenedIsTriedAgain) {
  Life life(folder_);
  const auto fails = []() -> absl::StatusOr<OpenImage> { return absl::UnavailableError("no registry"); };
  EXPECT_TRUE(absl::IsUnavailable(life.mounts.Ensure(Directory("a"), fails)));
  ExpectNothingIsLeft(life);
  EXPECT_TRUE(life.mounts.Ensure(Directory("a"), [&] { return images_[0]; }).ok());
  EXPECT_THAT(life.Directories(), ElementsAre(Directory("a")));
}

TEST_F(ErofsMountsTest, ADetachedFileSystemIsRecordedWhileTheKernelHasItOpen) {
  Life life(folder_);
  ASSERT_TRUE(life.mounts.Mount(images_[0], Directory("a")).ok());
  life.door.SetOpen(Key(0));
  ASSERT_TRUE(life.mounts.Unmount(Directory("a"), /*lazy=*/true).ok());
  life.mounts.ForgetUnmounted();
  EXPECT_THAT(life.db->FileSystems().value(), SizeIs(1));
  EXPECT_EQ(life.door.published(Key(0)), 0);
  life.door.SetClosed(Key(0));
  ExpectNothingIsLeft(life);
}

TEST_F(ErofsMountsTest, AMountPointIsNeverOneThatIsThereOrRecorded) {
  Life life(folder_);
  const std::string stem = absl::StrCat(folder_ / "mounts/", images_[0].manifest_digest.hex().substr(0, 12));
  mkdir((stem + "-0").c_str(), 0700);
  const FileSystemRecord old{.mount_point = stem + "-1", .manifest_digest = Digest::Of("old")};
  ASSERT_TRUE(life.db->RecordFileSystem(old).ok());
  ASSERT_TRUE(life.mounts.Mount(images_[0], Directory("a")).ok());
  EXPECT_THAT(Shown(true), ElementsAre(stem + "-2"));
  EXPECT_EQ(life.db->FileSystems().value().front(), old);
}

TEST_F(ErofsMountsTest, TheNextDaemonHasTheMountsOfTheOneThatDied) {
  LiveAndDie([&](Life& life) {
    OpenImage other_name = images_[0];
    other_name.reference = "registry.test/image:other-name";
    return life.mounts.Mount(images_[0], Directory("a")).ok() &&
           life.mounts.Mount(other_name, Directory("b")).ok() &&
           life.mounts.Mount(images_[1], Directory("c")).ok();
  });
  const auto life = TakeOver();
  EXPECT_FALSE(life->door.last_went_through_its_file()) << "the kernel may read it through the door still";
  life->mounts.FinishAdoption();
  const std::vector<MountRecord> records = life->db->Mounts().value();
  const std::vector<MountInfo> list = life->mounts.List();
  ASSERT_THAT(list, SizeIs(3));
  ASSERT_THAT(records, SizeIs(3));
  EXPECT_EQ(list[0].reference, "registry.test/image:0");
  EXPECT_EQ(list[1].reference, "registry.test/image:other-name");
  EXPECT_EQ(list[2].directory, Directory("c"));
  EXPECT_EQ(list[2].manifest_digest, images_[1].manifest_digest.ToString());
  EXPECT_EQ(list[2].door, "simulated");
  EXPECT_EQ(list[2].since_unix_seconds, records[2].since_unix_seconds);
  EXPECT_EQ(life->mounts.MountsOf(Key(0)), 2u);
  EXPECT_EQ(life->door.published(Key(0)), 1);
  EXPECT_EQ(ReadWhole(Directory("b") + "/file"), ContentOf(0));
  EXPECT_TRUE(absl::IsAlreadyExists(life->mounts.Mount(images_[2], Directory("a")).status()));
  for (const char* name : {"a", "b", "c"}) EXPECT_TRUE(life->mounts.Unmount(Directory(name), false).ok());
  ExpectNothingIsLeft(*life);
}

TEST_F(ErofsMountsTest, AnAdoptedFileSystemIsSharedByLaterMounts) {
  LiveAndDie([&](Life& life) { return life.mounts.Mount(images_[0], Directory("a")).ok(); });
  const auto life = TakeOver();
  life->mounts.FinishAdoption();
  ASSERT_TRUE(life->mounts.Mount(images_[0], Directory("b")).ok());
  EXPECT_THAT(Shown(true), SizeIs(1));
}

TEST_F(ErofsMountsTest, OfAMountThatIsGoneNothingIsKnownAfterwards) {
  LiveAndDie([&](Life& life) {
    return life.mounts.Mount(images_[0], Directory("a")).ok() &&
           life.mounts.Mount(images_[0], Directory("b")).ok() &&
           life.mounts.Mount(images_[1], Directory("c")).ok();
  });
  ASSERT_TRUE(Unmount(Directory("b"), false).ok());
  ASSERT_TRUE(Unmount(Directory("c"), false).ok());
  const auto life = TakeOver();
  EXPECT_EQ(life->door.published(Key(1)), 1);
  life->mounts.FinishAdoption();
  EXPECT_THAT(life->Directories(), ElementsAre(Directory("a")));
  EXPECT_THAT(life->db->FileSystems().value(), SizeIs(1));
  EXPECT_THAT(life->db->Mounts().value(), SizeIs(1));
  EXPECT_THAT(Shown(true), SizeIs(1)) << "what no directory shows has ended";
}

// What is mounted somewhere else by the same name is not ours to take.
TEST_F(ErofsMountsTest, ADirectoryThatShowsSomethingElseIsNotAdopted) {
  LiveAndDie([&](Life& life) {
    return life.mounts.Mount(images_[0], Directory("a")).ok() &&
           life.mounts.Mount(images_[1], Directory("b")).ok();
  });
  ASSERT_TRUE(Unmount(Directory("b"), false).ok());
  ASSERT_TRUE(BindMount(Directory("c"), Directory("b")).ok());
  const auto life = TakeOver();
  life->mounts.FinishAdoption();
  EXPECT_THAT(life->Directories(), ElementsAre(Directory("a")));
  EXPECT_THAT(Shown(false), UnorderedElementsAre(Directory("a"), Directory("b")));
  EXPECT_TRUE(Unmount(Directory("b"), false).ok());
}

TEST_F(ErofsMountsTest, WhatIsOpenInADetachedFileSystemIsPublishedUntilTheDoorHasIt) {
  LiveAndDie([&](Life& life) {
    life.door.SetOpen(Key(0));
    return life.mounts.Mount(images_[0], Directory("a")).ok() &&
           life.mounts.Unmount(Directory("a"), /*lazy=*/true).ok();
  });
  const auto life = TakeOver();
  life->door.SetOpen(Key(0));
  EXPECT_EQ(life->door.published(Key(0)), 1);
  life->mounts.FinishAdoption();
  EXPECT_EQ(life->door.published(Key(0)), 0);
  life->mounts.ForgetUnmounted();
  EXPECT_THAT(life->db->FileSystems().value(), SizeIs(1)) << "for the daemon after this one";
  life->door.SetClosed(Key(0));
  ExpectNothingIsLeft(*life);
}

TEST_F(ErofsMountsTest, WhatWasMountedOutOfSightEnds) {
  LiveAndDie([&](Life& life) -> bool {
    const absl::StatusOr<std::shared_ptr<void>> held = life.mounts.Hold(images_[0]);
    _exit(held.ok() ? 0 : 1);
  });
  ASSERT_THAT(Shown(true), SizeIs(1));
  const auto life = TakeOver();
  EXPECT_THAT(Shown(true), SizeIs(1)) << "nothing is unmounted before the door serves";
  life->mounts.FinishAdoption();
  ExpectNothingIsLeft(*life);
}

TEST_F(ErofsMountsTest, WhatIsNotRecordedIsDetached) {
  LiveAndDie([&](Life& life) {
    return life.mounts.Mount(images_[0], Directory("a")).ok() &&
           life.mounts.Mount(images_[1], Directory("b")).ok() &&
           life.db->RemoveFileSystem(life.db->Mounts()->front().file_system).ok();
  });
  const auto life = TakeOver();
  life->mounts.FinishAdoption();
  EXPECT_THAT(Shown(false), ElementsAre(Directory("b")));
  EXPECT_EQ(MountPointDirectories(), 1u);
}

TEST_F(ErofsMountsTest, OneBadImageDoesNotKeepTheOthersAway) {
  LiveAndDie([&](Life& life) {
    return life.mounts.Mount(images_[0], Directory("a")).ok() &&
           life.mounts.Mount(images_[1], Directory("b")).ok() &&
           life.mounts.Mount(images_[2], Directory("c")).ok();
  });
  unopenable_ = images_[1].reference;
  testing::internal::CaptureStderr();
  const auto life = TakeOver();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr(absl::StrCat("registry.test/image:1, mounted at ", Directory("b"),
                                     ", cannot be taken over and is detached: planted")));
  life->mounts.FinishAdoption();
  EXPECT_THAT(life->Directories(), ElementsAre(Directory("a"), Directory("c")));
  EXPECT_THAT(Shown(false), UnorderedElementsAre(Directory("a"), Directory("c")));
  EXPECT_THAT(life->db->FileSystems().value(), SizeIs(2));
  EXPECT_THAT(life->db->Mounts().value(), SizeIs(2));
}

TEST_F(ErofsMountsTest, RecordsOfAnotherBootAreForgotten) {
  LiveAndDie([&](Life& life) { return life.mounts.Mount(images_[0], Directory("a")).ok(); });
  ASSERT_TRUE(DetachLeftovers(folder_ / "mounts").ok());
  const auto life = TakeOver("another boot");
  EXPECT_EQ(life->door.published(Key(0)), 0);
  life->mounts.FinishAdoption();
  ExpectNothingIsLeft(*life);
}

// Mounts and unmounts at random, for ever.
[[noreturn]] void LiveWildly(Life& life, const std::vector<OpenImage>& images, const DiskFolder& folder,
                             uint64_t seed) {
  std::mt19937_64 random(seed);
  while (true) {
    const std::string directory = folder / std::string(1, "abc"[random() % 3]);
    if (random() % 2 == 0) {
      life.mounts.Mount(images[random() % kImages], directory).status().IgnoreError();
    } else {
      life.mounts.Unmount(directory, random() % 2 == 0).IgnoreError();
    }
  }
}

TEST_F(ErofsMountsTest, KilledAtAnyInstantItLeavesNothingUnknown) {
  const absl::Cleanup loud = [] { EXPECT_TRUE(SetLogLevel("info").ok()); };
  ASSERT_TRUE(SetLogLevel("error").ok());
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 40; ++round) {
    const uint64_t child_seed = random();
    const pid_t child = fork();
    if (child == 0) {
      Life life(folder_);
      LiveWildly(life, images_, folder_, child_seed);
    }
    usleep(3000 + random() % 30000);
    kill(child, SIGKILL);
    ASSERT_EQ(waitpid(child, nullptr, 0), child);

    const std::vector<std::string> shown = Shown(false);
    const auto life = TakeOver();
    life->mounts.FinishAdoption();
    EXPECT_THAT(life->Directories(), testing::UnorderedElementsAreArray(shown));
    EXPECT_THAT(life->db->Mounts().value(), SizeIs(shown.size()));
    EXPECT_THAT(life->db->FileSystems().value(), SizeIs(Shown(true).size()));
    for (const std::string& directory : shown) EXPECT_TRUE(life->mounts.Unmount(directory, false).ok());
    ASSERT_NO_FATAL_FAILURE(ExpectNothingIsLeft(*life)) << "round " << round;
  }
}

}  // namespace
}  // namespace lacuna
