// ObjectStore on a real folder: who may use it, what becomes of an object's files, and what it refuses.
#include "daemon/object_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "daemon/file_system_check.h"
#include "tests/fakes/scoped_mount.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint64_t kSize = 3 * kChunkSize + kBlockSize;

ObjectKey Key(absl::string_view blob = "blob") {
  return ObjectKey::ForBlob(Digest::Of(blob));
}

std::string Message(const absl::Status& status) {
  return std::string(status.message());
}

void Fill(StoredObject& object) {
  for (uint64_t chunk = 0; chunk < ChunkCount(kSize); ++chunk) {
    const std::string bytes(BytesOf({chunk, chunk + 1}, kSize).length, static_cast<char>('a' + chunk));
    ASSERT_TRUE(object.data->WriteAt(chunk * kChunkSize, bytes).ok());
    object.map->MarkPresent(chunk);
  }
  ASSERT_TRUE(object.map->Commit(*object.data).ok());
}

class ObjectStoreTest : public testing::Test {
 protected:
  void SetUp() override { Restart(); }

  void Restart() {
    store_.reset();
    auto store = ObjectStore::Open(root_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  StoredObject OpenObject(uint64_t size = kSize) {
    auto object = store_->OpenObject(Key(), size);
    EXPECT_TRUE(object.ok()) << object.status();
    return object.ok() ? *std::move(object) : StoredObject{};
  }

  std::string Path(absl::string_view suffix) const {
    return absl::StrCat(root_, "/objects/", Key().FileName(), suffix);
  }
  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(root_ + "/objects"))
      files.push_back(entry.path().filename());
    return files;
  }

  TempDir dir_;
  std::string root_ = dir_ / "a/b/cache";
  std::unique_ptr<ObjectStore> store_;
};

TEST_F(ObjectStoreTest, ANewObjectIsAllHole) {
  const StoredObject object = OpenObject();
  ASSERT_NE(object.map, nullptr);
  EXPECT_EQ(object.map->origin(), ChunkMap::Origin::kNew);
  EXPECT_EQ(object.map->present_bytes(), 0);
  struct stat info {};
  ASSERT_EQ(stat(Path(".partial").c_str(), &info), 0);
  EXPECT_EQ(info.st_size, kSize);
  EXPECT_EQ(info.st_blocks, 0);
}

TEST_F(ObjectStoreTest, OthersOnTheHostCannotLookInside) {
  struct stat info {};
  for (const std::string& path : {root_, root_ + "/objects"}) {
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700) << path;
  }
}

TEST_F(ObjectStoreTest, APartialObjectGoesOnWhereItWas) {
  {
    const StoredObject object = OpenObject();
    ASSERT_TRUE(object.data->WriteAt(kChunkSize, std::string(kChunkSize, 'x')).ok());
    object.map->MarkPresent(1);
    ASSERT_TRUE(object.map->Commit(*object.data).ok());
  }
  Restart();
  const StoredObject object = OpenObject();
  EXPECT_EQ(object.map->origin(), ChunkMap::Origin::kLoaded);
  EXPECT_TRUE(object.map->IsPresent(1));
  EXPECT_EQ(object.map->present_chunks(), 1);
}

TEST_F(ObjectStoreTest, AFinishedObjectHasItsFinalNameAndNoMap) {
  StoredObject object = OpenObject();
  EXPECT_FALSE(std::filesystem::exists(store_->FinishedPath(Key())));
  Fill(object);
  ASSERT_TRUE(store_->Finish(Key()).ok());
  EXPECT_EQ(Files(), std::vector<std::string>{Key().FileName()});
  std::string bytes(kSize, '\0');
  EXPECT_TRUE(object.data->ReadAt(0, absl::MakeSpan(bytes)).ok()) << "the open file goes on working";

  Restart();
  const StoredObject again = OpenObject();
  EXPECT_EQ(again.map, nullptr);
  std::string reread(kSize, '\0');
  ASSERT_TRUE(again.data->ReadAt(0, absl::MakeSpan(reread)).ok());
  EXPECT_TRUE(reread == bytes);
}

TEST_F(ObjectStoreTest, FinishMayBeCalledAgain) {
  StoredObject object = OpenObject();
  Fill(object);
  ASSERT_TRUE(store_->Finish(Key()).ok());
  EXPECT_TRUE(store_->Finish(Key()).ok());
  EXPECT_EQ(store_->Finish(Key("unknown")).code(), absl::StatusCode::kNotFound);
}

TEST_F(ObjectStoreTest, AMapThatADeathDuringFinishLeftIsRemoved) {
  StoredObject object = OpenObject();
  Fill(object);
  std::filesystem::rename(Path(".partial"), Path(""));
  EXPECT_EQ(OpenObject().map, nullptr);
  EXPECT_EQ(Files(), std::vector<std::string>{Key().FileName()});
}

TEST_F(ObjectStoreTest, AFinishedObjectOfAnotherSizeStartsOver) {
  StoredObject object = OpenObject();
  Fill(object);
  ASSERT_TRUE(store_->Finish(Key()).ok());
  std::filesystem::resize_file(Path(""), kSize - kBlockSize);
  const StoredObject again = OpenObject();
  ASSERT_NE(again.map, nullptr);
  EXPECT_EQ(again.map->present_bytes(), 0);
  EXPECT_FALSE(std::filesystem::exists(Path("")));
}

TEST_F(ObjectStoreTest, APartialObjectOfAnotherSizeStartsOver) {
  StoredObject object = OpenObject();
  Fill(object);
  std::filesystem::resize_file(Path(".partial"), kSize - kBlockSize);
  EXPECT_EQ(OpenObject().map->present_bytes(), 0);
  EXPECT_EQ(std::filesystem::file_size(Path(".partial")), kSize);
}

TEST_F(ObjectStoreTest, APartialObjectWithADamagedMapStartsOver) {
  StoredObject object = OpenObject();
  Fill(object);
  std::ofstream(Path(".map"), std::ios::trunc) << "damaged";
  const StoredObject again = OpenObject();
  EXPECT_EQ(again.map->origin(), ChunkMap::Origin::kNew);
  struct stat info {};
  ASSERT_EQ(stat(Path(".partial").c_str(), &info), 0);
  EXPECT_EQ(info.st_blocks, 0) << "what is not trusted is not kept";
}

// Were it, holes would be served as bytes.
TEST_F(ObjectStoreTest, AMapWhoseFileIsGoneIsNotBelieved) {
  StoredObject object = OpenObject();
  Fill(object);
  std::filesystem::remove(Path(".partial"));
  const StoredObject again = OpenObject();
  EXPECT_EQ(again.map->origin(), ChunkMap::Origin::kNew);
  EXPECT_EQ(again.map->present_bytes(), 0);
}

TEST_F(ObjectStoreTest, AFileWhoseMapIsGoneHasNothing) {
  StoredObject object = OpenObject();
  Fill(object);
  std::filesystem::remove(Path(".map"));
  EXPECT_EQ(OpenObject().map->present_bytes(), 0);
}

TEST_F(ObjectStoreTest, ADroppedObjectIsGoneButForThoseWhoHaveItOpen) {
  StoredObject object = OpenObject();
  Fill(object);
  ASSERT_TRUE(store_->Drop(Key()).ok());
  EXPECT_THAT(Files(), IsEmpty());
  std::string bytes(kSize, '\0');
  EXPECT_TRUE(object.data->ReadAt(0, absl::MakeSpan(bytes)).ok());
  EXPECT_TRUE(store_->Drop(Key()).ok());
  object = OpenObject();
  Fill(object);
  ASSERT_TRUE(store_->Finish(Key()).ok());
  ASSERT_TRUE(store_->Drop(Key()).ok());
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(ObjectStoreTest, AnAbsurdSizeLeavesNothingBehind) {
  const auto object = store_->OpenObject(Key(), uint64_t{1} << 60);
  EXPECT_EQ(object.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Files(), IsEmpty());
}

TEST_F(ObjectStoreTest, ListsWhatIsThere) {
  EXPECT_THAT(store_->List(), IsEmpty());
  StoredObject object = OpenObject();
  ASSERT_THAT(store_->List(), SizeIs(1));
  EXPECT_FALSE(store_->List()[0].finished);
  EXPECT_EQ(store_->List()[0].disk_bytes, 0);
  Fill(object);
  ASSERT_TRUE(store_->Finish(Key()).ok());
  ASSERT_TRUE(store_->OpenObject(Key("other"), kBlockSize).ok());
  ASSERT_THAT(store_->List(), SizeIs(2));
  const StoredInfo info = store_->List()[store_->List()[0].finished ? 0 : 1];
  EXPECT_EQ(info.file_name, Key().FileName());
  EXPECT_TRUE(info.finished);
  EXPECT_EQ(info.size, kSize);
  EXPECT_EQ(info.disk_bytes, kSize);
}

TEST_F(ObjectStoreTest, ASecondDaemonIsRefusedAndToldWhoIsThere) {
  const absl::Status status = ObjectStore::Open(root_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Message(status), absl::StrCat("cache folder ", root_, ": another lacunad (pid ", getpid(),
                                          ") uses it; stop it or give --root another folder"));
  Restart();  // as soon as the first is gone, also when the file is still there
}

TEST_F(ObjectStoreTest, AKilledDaemonLeavesTheFolderFree) {
  store_.reset();
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto store = ObjectStore::Open(root_);
    if (!store.ok() || write(ready[1], "x", 1) != 1) _exit(1);
    while (true) pause();
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_THAT(Message(ObjectStore::Open(root_).status()), HasSubstr(absl::StrCat("(pid ", child, ")")));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
  Restart();
}

TEST_F(ObjectStoreTest, KeepsAnObjectThatWasWrittenFromItsBeginToItsEnd) {
  const std::string bytes(kChunkSize, 'x');
  {
    auto object = store_->NewObject();
    ASSERT_TRUE(object.ok()) << object.status();
    ASSERT_TRUE(object->Skip(kChunkSize).ok());
    ASSERT_TRUE(object->Write(bytes).ok());
    ASSERT_TRUE(object->Skip(kSize - 2 * kChunkSize).ok());
    EXPECT_FALSE(store_->IsFinished(Key()));
    EXPECT_THAT(store_->List(), IsEmpty()) << "nobody sees it before it is whole";
    ASSERT_TRUE(store_->Keep(*object, Key()).ok());
  }
  Restart();
  EXPECT_TRUE(store_->IsFinished(Key()));
  StoredObject kept = OpenObject();
  EXPECT_EQ(kept.map, nullptr);
  std::string read(kSize, '?');
  ASSERT_TRUE(kept.data->ReadAt(0, absl::MakeSpan(read)).ok());
  EXPECT_EQ(read, std::string(kChunkSize, '\0') + bytes + std::string(kSize - 2 * kChunkSize, '\0'));
}

TEST_F(ObjectStoreTest, ANewObjectThatIsNotKeptLeavesNothing) {
  {
    auto object = store_->NewObject();
    ASSERT_TRUE(object.ok()) << object.status();
    ASSERT_TRUE(object->Write("half of it").ok());
  }
  EXPECT_THAT(store_->List(), IsEmpty());
}

TEST_F(ObjectStoreTest, AFileInTheWayIsAnError) {
  const std::string file = dir_ / "file";
  std::ofstream(file) << "here";
  EXPECT_FALSE(ObjectStore::Open(file).ok());
  EXPECT_FALSE(ObjectStore::Open(file + "/below").ok());
}

TEST(ObjectStoreRefuses, AFolderThatCannotBeWritten) {
  const TempDir dir;
  const ScopedMount bind(dir.path(), dir.path(), nullptr, MS_BIND, "");
  if (!bind.status().ok()) GTEST_SKIP() << "needs CAP_SYS_ADMIN for a read-only folder: " << bind.status();
  ASSERT_EQ(mount(nullptr, dir.path().c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
  for (const std::string& root : {dir.path(), dir / "new", dir / "new/er"}) {
    const absl::Status status = ObjectStore::Open(root).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(Message(status),
                HasSubstr(absl::StrCat("cache folder ", root, " cannot be written: Read-only")));
    EXPECT_THAT(Message(status), HasSubstr("give --root a folder on a writable disk"));
  }
}

TEST(ObjectStoreRefuses, MemoryFileSystems) {
  const TempDir dir;
  for (const char* type : {"tmpfs", "ramfs"}) {
    const ScopedMount disk(type, dir.path(), type, 0, "");
    if (!disk.status().ok()) GTEST_SKIP() << "needs CAP_SYS_ADMIN for a " << type << ": " << disk.status();
    const absl::Status status = ObjectStore::Open(dir / "cache").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(Message(status),
                HasSubstr(absl::StrCat(dir / "cache", " is on ", type, ": the cache would fill")));
    EXPECT_TRUE(std::filesystem::is_empty(dir.path())) << "nothing is made before the check";
  }
}

TEST(ObjectStoreRefuses, Overlayfs) {
  const TempDir dir;
  for (const char* name : {"lower", "upper", "work", "merged"}) std::filesystem::create_directory(dir / name);
  const ScopedMount overlay(
      "overlay", dir / "merged", "overlay", 0,
      absl::StrCat("lowerdir=", dir / "lower", ",upperdir=", dir / "upper", ",workdir=", dir / "work"));
  if (!overlay.status().ok()) GTEST_SKIP() << "needs overlayfs and CAP_SYS_ADMIN: " << overlay.status();
  const absl::Status status = CheckCacheFileSystem(dir / "merged/not/yet/there");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Message(status),
            absl::StrCat(
                dir / "merged/not/yet/there",
                " is on overlayfs: EROFS refuses a backing file there; put the cache folder on ext4 or xfs"));
}

TEST(CheckCacheFileSystem, LooksAtTheNearestFolderThatExists) {
  const TempDir dir;
  const absl::Status there = CheckCacheFileSystem(dir.path());
  EXPECT_EQ(CheckCacheFileSystem(dir / "not/yet/there").code(), there.code());
  EXPECT_EQ(CheckCacheFileSystem("/proc/nothing/here"), absl::OkStatus());
}

}  // namespace
}  // namespace lacuna
