// CacheDb: what it remembers, what it does with old, new and damaged files.
#include "daemon/cache_db.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/log.h"
#include "tests/fakes/scoped_mount.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

ImageRecord Image(const std::string& reference) {
  return {.reference = reference,
          .manifest_digest = Digest::Of(reference),
          .platform = "linux/amd64",
          .plain_http = true,
          .objects = {{Digest::Of("bootstrap"), 4096}, {Digest::Of("device"), uint64_t{1} << 40}},
          .last_used_unix_seconds = 1700000000};
}

MountRecord Mount(const std::string& directory) {
  return {.directory = directory,
          .file_system = "/run/1",
          .reference = "registry.test/image:latest",
          .manifest_digest = Digest::Of("manifest"),
          .since_unix_seconds = 1700000000};
}

FileSystemRecord FileSystem(const std::string& mount_point) {
  return {.mount_point = mount_point,
          .reference = "registry.test/image:latest",
          .manifest_digest = Digest::Of("manifest"),
          .plain_http = true,
          .objects = {{Digest::Of("bootstrap"), 4096}, {Digest::Of("device"), uint64_t{1} << 40}},
          .boot_id = "boot"};
}

ObjectRecord Layer(const std::string& name, uint64_t size) {
  const Digest digest = Digest::Of(name);
  return {.digest = digest,
          .size = size,
          .kind = ObjectRecord::Kind::kLayer,
          .diff_id = digest,
          .root = digest,
          .index = digest,
          .device_size = 8192};
}

class CacheDbTest : public testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    db_.reset();
    auto db = CacheDb::Open(path_);
    ASSERT_TRUE(db.ok()) << db.status();
    db_ = *std::move(db);
  }
  std::vector<ImageRecord> Images() { return db_->Images().value(); }
  std::vector<FileSystemRecord> FileSystems() { return db_->FileSystems().value(); }
  std::vector<MountRecord> Mounts() { return db_->Mounts().value(); }

  std::string FileBytes() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  // With the database closed, runs `sql` on its file.
  void Tamper(const std::string& sql) {
    db_.reset();
    auto connection = SqliteConnection::Open(path_);
    ASSERT_TRUE(connection.ok()) << connection.status();
    const absl::Status done = connection->Execute(sql);
    ASSERT_TRUE(done.ok()) << done;
  }

  TempDir dir_;
  std::string path_ = dir_ / "cache.db";
  std::unique_ptr<CacheDb> db_;
};

TEST_F(CacheDbTest, RemembersImagesAcrossRestarts) {
  ImageRecord plain{.reference = "a", .manifest_digest = Digest::Of("a")};
  ASSERT_TRUE(db_->RecordImage(Image("b")).ok());
  ASSERT_TRUE(db_->RecordImage(plain).ok());
  Reopen();
  EXPECT_THAT(Images(), ElementsAre(plain, Image("b")));
}

TEST_F(CacheDbTest, AnImageRecordedAgainReplacesTheOldRecord) {
  ASSERT_TRUE(db_->RecordImage(Image("a")).ok());
  ImageRecord moved = Image("a");
  moved.manifest_digest = Digest::Of("new");
  moved.objects = {{Digest::Of("another"), 8192}};
  ASSERT_TRUE(db_->RecordImage(moved).ok());
  EXPECT_THAT(Images(), ElementsAre(moved));
}

TEST_F(CacheDbTest, AnImageThatCannotBeRecordedWholeLeavesTheOldRecord) {
  ASSERT_TRUE(db_->RecordImage(Image("a")).ok());
  Tamper(
      "CREATE TRIGGER stop BEFORE INSERT ON image_objects WHEN new.position = 1"
      " BEGIN SELECT RAISE(ABORT, 'stopped'); END");
  Reopen();
  ImageRecord moved = Image("a");
  moved.platform = "linux/riscv64";
  EXPECT_THAT(std::string(db_->RecordImage(moved).message()), HasSubstr("stopped"));
  EXPECT_THAT(Images(), ElementsAre(Image("a")));
}

TEST_F(CacheDbTest, RemembersFileSystemsUntilTheyAreRemoved) {
  FileSystemRecord other = FileSystem("/run/1");
  other.plain_http = false;
  other.objects = {{Digest::Of("another"), 8192}};
  ASSERT_TRUE(db_->RecordFileSystem(FileSystem("/run/2")).ok());
  ASSERT_TRUE(db_->RecordFileSystem(other).ok());
  Reopen();
  EXPECT_THAT(FileSystems(), ElementsAre(other, FileSystem("/run/2")));
  ASSERT_TRUE(db_->RemoveFileSystem("/run/1").ok());
  ASSERT_TRUE(db_->RemoveFileSystem("/nothing").ok());
  EXPECT_THAT(FileSystems(), ElementsAre(FileSystem("/run/2")));
  ASSERT_TRUE(db_->RecordFileSystem(other).ok()) << "nothing of it stayed";
}

TEST_F(CacheDbTest, AMountPointIsRecordedOnce) {
  ASSERT_TRUE(db_->RecordFileSystem(FileSystem("/run/1")).ok());
  FileSystemRecord another = FileSystem("/run/1");
  another.boot_id = "another";
  EXPECT_EQ(db_->RecordFileSystem(another).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(FileSystems(), ElementsAre(FileSystem("/run/1")));
}

TEST_F(CacheDbTest, AFileSystemThatCannotBeRecordedWholeIsNotRecorded) {
  Tamper(
      "CREATE TRIGGER stop BEFORE INSERT ON file_system_objects WHEN new.position = 1"
      " BEGIN SELECT RAISE(ABORT, 'stopped'); END");
  Reopen();
  EXPECT_THAT(std::string(db_->RecordFileSystem(FileSystem("/run/1")).message()), HasSubstr("stopped"));
  EXPECT_THAT(FileSystems(), IsEmpty());
}

TEST_F(CacheDbTest, RemembersMountsUntilTheyAreRemoved) {
  ASSERT_TRUE(db_->RecordFileSystem(FileSystem("/run/1")).ok());
  ASSERT_TRUE(db_->RecordMount(Mount("/b")).ok());
  ASSERT_TRUE(db_->RecordMount(Mount("/a")).ok());
  MountRecord later = Mount("/b");
  later.since_unix_seconds = 1800000000;
  ASSERT_TRUE(db_->RecordMount(later).ok());
  Reopen();
  EXPECT_THAT(Mounts(), ElementsAre(Mount("/a"), later));
  ASSERT_TRUE(db_->RemoveMount("/a").ok());
  ASSERT_TRUE(db_->RemoveMount("/nothing").ok());
  EXPECT_THAT(Mounts(), ElementsAre(later));
}

TEST_F(CacheDbTest, AMountHasAFileSystemAndIsForgottenWithIt) {
  EXPECT_FALSE(db_->RecordMount(Mount("/a")).ok());
  ASSERT_TRUE(db_->RecordFileSystem(FileSystem("/run/1")).ok());
  ASSERT_TRUE(db_->RecordFileSystem(FileSystem("/run/2")).ok());
  MountRecord other = Mount("/b");
  other.file_system = "/run/2";
  ASSERT_TRUE(db_->RecordMount(Mount("/a")).ok());
  ASSERT_TRUE(db_->RecordMount(other).ok());
  ASSERT_TRUE(db_->RemoveFileSystem("/run/1").ok());
  EXPECT_THAT(Mounts(), ElementsAre(other));
}

TEST_F(CacheDbTest, TakesAnyText) {
  FileSystemRecord odd_file_system = FileSystem(std::string("nul\0in it", 9));
  MountRecord odd = Mount("/it's; DROP TABLE mounts; -- \xff\n\"");
  odd.file_system = odd_file_system.mount_point;
  ASSERT_TRUE(db_->RecordFileSystem(odd_file_system).ok());
  ASSERT_TRUE(db_->RecordMount(odd).ok());
  EXPECT_THAT(FileSystems(), ElementsAre(odd_file_system));
  EXPECT_THAT(Mounts(), ElementsAre(odd));
}

// Version 1 as it was released. Not to be changed: add the next version beside it.
TEST_F(CacheDbTest, ReadsADatabaseOfVersion1) {
  db_.reset();
  std::filesystem::remove(path_);
  const std::string digest = Digest::Of("v1").ToString();
  Tamper(absl::StrCat(R"sql(
      CREATE TABLE images (reference TEXT PRIMARY KEY, manifest_digest TEXT NOT NULL, platform TEXT NOT NULL,
                           plain_http INTEGER NOT NULL, last_used INTEGER NOT NULL) STRICT;
      CREATE TABLE image_objects (reference TEXT NOT NULL REFERENCES images ON DELETE CASCADE,
                                  position INTEGER NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
                                  PRIMARY KEY (reference, position)) STRICT;
      CREATE TABLE mounts (directory TEXT PRIMARY KEY, reference TEXT NOT NULL, manifest_digest TEXT NOT NULL,
                           since INTEGER NOT NULL, file_system TEXT NOT NULL) STRICT;
      PRAGMA user_version = 1;
      INSERT INTO images VALUES ('old', ')sql",
                      digest, R"sql(', 'linux/arm64', 1, 12);
      INSERT INTO image_objects VALUES ('old', 1, ')sql",
                      digest, R"sql(', 2), ('old', 0, ')sql", digest,
                      R"sql(', 1);
      INSERT INTO mounts VALUES ('/old', 'old', ')sql",
                      digest, R"sql(', 13, '/run/1');
    )sql"));
  Reopen();
  const Digest v1 = Digest::Of("v1");
  EXPECT_THAT(Images(), ElementsAre(ImageRecord{"old", v1, "linux/arm64", true, {{v1, 1}, {v1, 2}}, 12}));
  EXPECT_THAT(FileSystems(), IsEmpty());
  EXPECT_THAT(Mounts(), IsEmpty()) << "nobody ever wrote there, nor could it be used";
  EXPECT_TRUE(db_->RecordImage(Image("new")).ok());
  EXPECT_TRUE(db_->RecordFileSystem(FileSystem("/run/1")).ok());
  EXPECT_TRUE(db_->RecordMount(Mount("/new")).ok());
}

// Version 2 likewise.
TEST_F(CacheDbTest, ReadsADatabaseOfVersion2) {
  db_.reset();
  std::filesystem::remove(path_);
  const std::string digest = Digest::Of("v2").ToString();
  Tamper(absl::StrCat(R"sql(
      CREATE TABLE images (reference TEXT PRIMARY KEY, manifest_digest TEXT NOT NULL, platform TEXT NOT NULL,
                           plain_http INTEGER NOT NULL, last_used INTEGER NOT NULL) STRICT;
      CREATE TABLE image_objects (reference TEXT NOT NULL REFERENCES images ON DELETE CASCADE,
                                  position INTEGER NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
                                  PRIMARY KEY (reference, position)) STRICT;
      CREATE TABLE file_systems (mount_point TEXT PRIMARY KEY, reference TEXT NOT NULL,
                                 manifest_digest TEXT NOT NULL, plain_http INTEGER NOT NULL,
                                 boot_id TEXT NOT NULL) STRICT;
      CREATE TABLE file_system_objects (mount_point TEXT NOT NULL REFERENCES file_systems ON DELETE CASCADE,
                                        position INTEGER NOT NULL, digest TEXT NOT NULL,
                                        size INTEGER NOT NULL, PRIMARY KEY (mount_point, position)) STRICT;
      CREATE TABLE mounts (directory TEXT PRIMARY KEY,
                           file_system TEXT NOT NULL REFERENCES file_systems ON DELETE CASCADE,
                           reference TEXT NOT NULL, manifest_digest TEXT NOT NULL,
                           since INTEGER NOT NULL) STRICT;
      PRAGMA user_version = 2;
      INSERT INTO file_systems VALUES ('/run/1', 'old', ')sql",
                      digest, R"sql(', 1, 'boot');
      INSERT INTO file_system_objects VALUES ('/run/1', 1, ')sql",
                      digest, R"sql(', 2), ('/run/1', 0, ')sql", digest, R"sql(', 1);
      INSERT INTO mounts VALUES ('/old', '/run/1', 'older', ')sql",
                      digest, R"sql(', 13);
    )sql"));
  Reopen();
  const Digest v2 = Digest::Of("v2");
  EXPECT_THAT(FileSystems(),
              ElementsAre(FileSystemRecord{"/run/1", "old", v2, true, {{v2, 1}, {v2, 2}}, "boot"}));
  EXPECT_THAT(Mounts(), ElementsAre(MountRecord{"/old", "/run/1", "older", v2, 13}));
}

// Version 3 likewise.
TEST_F(CacheDbTest, ReadsADatabaseOfVersion3) {
  db_.reset();
  std::filesystem::remove(path_);
  const std::string digest = Digest::Of("v3").ToString();
  const std::string object_columns = R"sql(
      position INTEGER NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
      kind TEXT NOT NULL DEFAULT 'blob', diff_id TEXT NOT NULL DEFAULT '',
      layer_root TEXT NOT NULL DEFAULT '', index_digest TEXT NOT NULL DEFAULT '',
      device_size INTEGER NOT NULL DEFAULT 0, )sql";
  Tamper(absl::StrCat(R"sql(
      CREATE TABLE images (reference TEXT PRIMARY KEY, manifest_digest TEXT NOT NULL, platform TEXT NOT NULL,
                           plain_http INTEGER NOT NULL, last_used INTEGER NOT NULL) STRICT;
      CREATE TABLE file_systems (mount_point TEXT PRIMARY KEY, reference TEXT NOT NULL,
                                 manifest_digest TEXT NOT NULL, plain_http INTEGER NOT NULL,
                                 boot_id TEXT NOT NULL) STRICT;
      CREATE TABLE mounts (directory TEXT PRIMARY KEY,
                           file_system TEXT NOT NULL REFERENCES file_systems ON DELETE CASCADE,
                           reference TEXT NOT NULL, manifest_digest TEXT NOT NULL,
                           since INTEGER NOT NULL) STRICT;
      CREATE TABLE image_objects (reference TEXT NOT NULL REFERENCES images ON DELETE CASCADE,)sql",
                      object_columns, R"sql(PRIMARY KEY (reference, position)) STRICT;
      CREATE TABLE file_system_objects (mount_point TEXT NOT NULL REFERENCES file_systems ON DELETE CASCADE,)sql",
                      object_columns, R"sql(PRIMARY KEY (mount_point, position)) STRICT;
      CREATE TABLE layer_indexes (digest TEXT PRIMARY KEY, layer TEXT NOT NULL, is_right INTEGER NOT NULL) STRICT;
      PRAGMA user_version = 3;)sql",
                      "INSERT INTO images VALUES ('old', '", digest, "', '', 1, 12);",
                      "INSERT INTO image_objects VALUES ('old', 0, '", digest,
                      "', 5, 'made', '', '', '', 0);", "INSERT INTO image_objects VALUES ('old', 1, '",
                      digest, "', 6, 'layer', '", digest, "', '", digest, "', '", digest,
                      "', 8192); INSERT INTO layer_indexes VALUES ('", digest, "', '", digest, "', 1);"));
  Reopen();
  const Digest v3 = Digest::Of("v3");
  const ObjectRecord bootstrap{.digest = v3, .size = 5, .kind = ObjectRecord::Kind::kMade};
  EXPECT_THAT(Images(), ElementsAre(ImageRecord{"old", v3, "", true, {bootstrap, Layer("v3", 6)}, 12}));
  EXPECT_EQ(*db_->RightIndexOf(v3), v3);
}

TEST_F(CacheDbTest, RemembersLayers) {
  ImageRecord image = Image("a");
  image.objects = {{.digest = Digest::Of("b"), .size = 5, .kind = ObjectRecord::Kind::kMade},
                   Layer("layer", 6)};
  FileSystemRecord file_system = FileSystem("/run/1");
  file_system.objects = image.objects;
  ASSERT_TRUE(db_->RecordImage(image).ok());
  ASSERT_TRUE(db_->RecordFileSystem(file_system).ok());
  Reopen();
  EXPECT_THAT(Images(), ElementsAre(image));
  EXPECT_THAT(FileSystems(), ElementsAre(file_system));
}

TEST_F(CacheDbTest, RemembersWhichIndexesAreRight) {
  const Digest layer = Digest::Of("layer");
  EXPECT_EQ(*db_->RightIndexOf(layer), std::nullopt);
  EXPECT_EQ(*db_->JudgementOf(Digest::Of("a")), std::nullopt);
  ASSERT_TRUE(db_->Judge(Digest::Of("wrong"), layer, false).ok());
  EXPECT_EQ(*db_->RightIndexOf(layer), std::nullopt) << "one that was found wrong is never used";
  ASSERT_TRUE(db_->Judge(Digest::Of("a"), layer, true).ok());
  Reopen();
  EXPECT_EQ(*db_->RightIndexOf(layer), Digest::Of("a"));
  EXPECT_EQ(*db_->JudgementOf(Digest::Of("a")), true);
  EXPECT_EQ(*db_->JudgementOf(Digest::Of("wrong")), false);
  EXPECT_EQ(*db_->RightIndexOf(Digest::Of("another layer")), std::nullopt);
}

TEST_F(CacheDbTest, RefusesADatabaseOfANewerLacunaAndLeavesItAlone) {
  Tamper("PRAGMA user_version = 1000; CREATE TABLE tomorrow (x TEXT) STRICT");
  const std::string before = FileBytes();
  const auto db = CacheDb::Open(path_);
  EXPECT_EQ(db.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(db.status().message()), HasSubstr("written by a newer lacuna"));
  EXPECT_THAT(std::string(db.status().message()), HasSubstr(path_));
  EXPECT_TRUE(FileBytes() == before);
}

TEST_F(CacheDbTest, MakesADamagedDatabaseAnew) {
  for (const std::string& damage : {std::string("not a database at all, but long enough to look like one"),
                                    std::string(100, '\0'), std::string("SQLite format 3\0", 16)}) {
    ASSERT_TRUE(db_->RecordImage(Image("a")).ok());
    db_.reset();
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file << damage << std::string(damage.size(), 'x');
    file.close();
    Reopen();
    EXPECT_THAT(Images(), IsEmpty());
    ASSERT_TRUE(db_->RecordImage(Image("b")).ok());
    EXPECT_THAT(Images(), ElementsAre(Image("b")));
  }
}

TEST_F(CacheDbTest, MakesADatabaseAnewThatSaysImpossibleThings) {
  for (const char* sql :
       {"DROP TABLE mounts", "DROP TABLE file_system_objects", "ALTER TABLE images DROP COLUMN platform",
        "ALTER TABLE file_systems DROP COLUMN boot_id", "PRAGMA user_version = 0", "PRAGMA user_version = -7",
        "UPDATE images SET manifest_digest = 'sha256:short'", "UPDATE image_objects SET size = -1",
        "UPDATE image_objects SET digest = ''", "UPDATE file_systems SET manifest_digest = ''",
        "UPDATE image_objects SET kind = 'thing'", "UPDATE image_objects SET kind = 'layer'",
        "DROP TABLE layer_indexes", "INSERT INTO layer_indexes VALUES ('x', 'y', 1)",
        "UPDATE file_system_objects SET size = -1", "UPDATE mounts SET manifest_digest = ''",
        // Reads never look at this: only a write would have found out.
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_schema SET sql = replace(sql, 'REFERENCES images', 'REFERENCES imagez')",
        "PRAGMA writable_schema = ON;"
        "UPDATE sqlite_schema SET sql = replace(sql, 'REFERENCES file_systems', 'REFERENCES filed')"}) {
    SCOPED_TRACE(sql);
    ASSERT_TRUE(db_->RecordImage(Image("a")).ok());
    ASSERT_TRUE(db_->RecordFileSystem(FileSystem("/run/1")).ok());
    ASSERT_TRUE(db_->RecordMount(Mount("/a")).ok());
    ASSERT_NO_FATAL_FAILURE(Tamper(sql));
    Reopen();
    EXPECT_THAT(Images(), IsEmpty());
    EXPECT_THAT(FileSystems(), IsEmpty());
    EXPECT_THAT(Mounts(), IsEmpty());
  }
}

// Reading a table never looks at its index: only a write would have found out.
TEST_F(CacheDbTest, AnIndexThatDoesNotFitItsTableIsDamage) {
  const absl::Cleanup loud = [] { EXPECT_TRUE(SetLogLevel("info").ok()); };
  ASSERT_TRUE(SetLogLevel("error").ok());
  ASSERT_TRUE(db_->RecordImage(Image("needle")).ok());
  ASSERT_TRUE(db_->RecordFileSystem(FileSystem("needle")).ok());
  MountRecord mount = Mount("needle");
  mount.file_system = "needle";
  ASSERT_TRUE(db_->RecordMount(mount).ok());
  db_.reset();
  const std::string whole = FileBytes();
  int places = 0;
  for (size_t at = whole.find("needle"); at != std::string::npos; at = whole.find("needle", at + 1)) {
    std::string bytes = whole;
    bytes[at] = 'm';
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    ASSERT_NO_FATAL_FAILURE(Reopen());
    // A mount's file system has no index: another name there is no damage, but a mount of nothing.
    EXPECT_TRUE(Images().empty() || Mounts().front().file_system != "needle") << "byte " << at;
    ++places;
  }
  EXPECT_GE(places, 10);  // five tables, each with an index
}

// Any one byte: the database opens, and shows what it had or nothing; it never stops the daemon.
TEST_F(CacheDbTest, OpensWhateverByteIsDamaged) {
  const absl::Cleanup loud = [] { EXPECT_TRUE(SetLogLevel("info").ok()); };
  ASSERT_TRUE(SetLogLevel("error").ok());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(db_->RecordImage(Image(absl::StrCat("image", i))).ok());
    MountRecord mount = Mount(absl::StrCat("/", i));
    mount.file_system = absl::StrCat("/run/", i);
    ASSERT_TRUE(db_->RecordFileSystem(FileSystem(mount.file_system)).ok());
    ASSERT_TRUE(db_->RecordMount(mount).ok());
  }
  db_.reset();
  const std::string whole = FileBytes();
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 130; ++round) {
    std::string bytes = whole;
    const size_t at = round < 100 ? round : random() % bytes.size();
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    // A flip in user_version may say that a newer lacuna wrote it, which must be believed.
    if (at >= 60 && at < 64) continue;
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    ASSERT_NO_FATAL_FAILURE(Reopen()) << "byte " << at;
    // Long: it needs new pages, also from a damaged list of free ones.
    EXPECT_TRUE(db_->RecordImage(Image(std::string(20000, 'x'))).ok()) << "byte " << at;
    db_.reset();
  }
}

TEST_F(CacheDbTest, ADatabaseThatCannotBeWrittenIsRefused) {
  ASSERT_TRUE(db_->RecordImage(Image("a")).ok());
  db_.reset();
  const ScopedMount bind(dir_.path(), dir_.path(), nullptr, MS_BIND, "");
  if (!bind.status().ok()) GTEST_SKIP() << "needs CAP_SYS_ADMIN for a read-only folder: " << bind.status();
  ASSERT_EQ(mount(nullptr, dir_.path().c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
  for (const std::string& path : {path_, dir_ / "new.db"}) {
    const auto db = CacheDb::Open(path);
    EXPECT_EQ(db.status().code(), absl::StatusCode::kPermissionDenied) << db.status();
    EXPECT_THAT(std::string(db.status().message()), HasSubstr(path));
  }
}

TEST_F(CacheDbTest, AFullDiskIsAnErrorAndNothingIsLost) {
  const TempDir dir;
  const ScopedMount disk("tmpfs", dir.path(), "tmpfs", 0, "size=256k");
  if (!disk.status().ok()) GTEST_SKIP() << "needs CAP_SYS_ADMIN for a small disk: " << disk.status();
  auto db = *CacheDb::Open(dir / "cache.db");
  size_t recorded = 0;
  absl::Status status;
  while (recorded < 10000) {
    status = db->RecordImage(Image(absl::StrCat(1000000 + recorded, std::string(500, 'x'))));
    if (!status.ok()) break;
    ++recorded;
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(db->Images().value(), SizeIs(recorded));
}

TEST_F(CacheDbTest, ManyThreadsMayUseIt) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      for (int i = 0; i < 25; ++i) {
        const std::string name = absl::StrCat(thread, "/", i);
        EXPECT_TRUE(db_->RecordImage(Image(name)).ok());
        EXPECT_TRUE(db_->RecordFileSystem(FileSystem(name)).ok());
        MountRecord mount = Mount(name);
        mount.file_system = name;
        EXPECT_TRUE(db_->RecordMount(mount).ok());
        EXPECT_TRUE((i % 2 == 0 ? db_->RemoveMount(name) : db_->RemoveFileSystem(name)).ok());
        EXPECT_TRUE(db_->Images().ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(Images(), SizeIs(100));
  EXPECT_THAT(FileSystems(), SizeIs(52));
  EXPECT_THAT(Mounts(), IsEmpty());
}

}  // namespace
}  // namespace lacuna
