#include "daemon/base/sqlite_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

using testing::HasSubstr;

constexpr absl::string_view kMigrations[] = {
    "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1)",
    "ALTER TABLE t ADD COLUMN b INTEGER NOT NULL DEFAULT 2",
};

class SqliteSchemaTest : public testing::Test {
 protected:
  SqliteConnection Connect(const std::string& path) { return *SqliteConnection::Open(path); }
  // With as many of the migrations as a release had.
  absl::Status Migrate(size_t migrations, bool keeps_copies = true) {
    SqliteConnection connection = Connect(path_);
    return MigrateSqlite(connection, path_,
                         {.migrations = absl::MakeConstSpan(kMigrations, migrations),
                          .way_back = ", or ask",
                          .keeps_copies = keeps_copies});
  }

  const TempDir folder_;
  const std::string path_ = folder_ / "x.db";
};

TEST_F(SqliteSchemaTest, AFileGoesThroughWhatItHasNotSeen) {
  ASSERT_TRUE(Migrate(1).ok());
  ASSERT_TRUE(Migrate(2).ok());
  ASSERT_TRUE(Migrate(2).ok());
  EXPECT_EQ(*Connect(path_).QueryNumber("SELECT sum(a + b) FROM t"), 3);
}

TEST_F(SqliteSchemaTest, ItIsCopiedBefore) {
  ASSERT_TRUE(Migrate(1).ok());
  EXPECT_FALSE(std::filesystem::exists(path_ + ".v1"));
  ASSERT_TRUE(Migrate(2).ok());
  EXPECT_FALSE(std::filesystem::exists(path_ + ".v0")) << "of nothing";
  EXPECT_EQ(*Connect(path_ + ".v1").QueryNumber("SELECT sum(a) FROM t"), 1);
  EXPECT_EQ(*Connect(path_ + ".v1").QueryNumber("PRAGMA user_version"), 1);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".v1.part"));
}

TEST_F(SqliteSchemaTest, WhatCanBeMadeAgainIsNotCopied) {
  ASSERT_TRUE(Migrate(1, false).ok());
  ASSERT_TRUE(Migrate(2, false).ok());
  EXPECT_FALSE(std::filesystem::exists(path_ + ".v1"));
}

TEST_F(SqliteSchemaTest, ANewerFileIsRefused) {
  ASSERT_TRUE(Migrate(2).ok());
  const absl::Status status = Migrate(1);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("was written by a newer lacuna (schema 2, this one knows 1): "
                        "run that one, or ask"));
}

}  // namespace
}  // namespace lacuna
