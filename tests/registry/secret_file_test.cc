#include "registry/secret_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "registry/file_stamp.h"
#include "tests/registry/helper_scripts.h"

namespace lacuna {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SecretFile : public testing::Test {
 protected:
  const TempDir folder_;
  const std::string path_ = folder_ / "file";
};

TEST_F(SecretFile, IsReadWhole) {
  const std::string content(100'000, 'x');
  WriteFile(path_, content);
  EXPECT_EQ(*ReadSecretFile(path_, content.size()), content);
  WriteFile(path_, "");
  EXPECT_EQ(*ReadSecretFile(path_, 10), "");
}

TEST_F(SecretFile, IsBounded) {
  WriteFile(path_, "hunter2");
  EXPECT_TRUE(ReadSecretFile(path_, 7).ok());
  const absl::Status status = ReadSecretFile(path_, 6).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(status.message(), AllOf(HasSubstr(path_), Not(HasSubstr("hunter2"))));
}

TEST_F(SecretFile, MissingIsNotFound) {
  const absl::Status status = ReadSecretFile(path_, 10).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr(path_));
}

TEST_F(SecretFile, PipesAndFoldersAreRefusedAtOnce) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_TRUE(absl::IsInvalidArgument(ReadSecretFile(path_, 10).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ReadSecretFile(folder_.path(), 10).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ReadSecretFile("/dev/zero", 10).status()));
}

TEST_F(SecretFile, PasswordIsTheFirstLine) {
  for (const char* content : {"pass word", "pass word\n", "pass word\r\n", "pass word\nsecond\n"}) {
    WriteFile(path_, content);
    EXPECT_EQ(*ReadPasswordFile(path_), "pass word") << content;
  }
  for (const char* content : {"", "\n", "\r\n", "\nhunter2\n"}) {
    WriteFile(path_, content);
    const absl::Status status = ReadPasswordFile(path_).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(status.message(), AllOf(HasSubstr(path_), Not(HasSubstr("hunter2"))));
  }
}

TEST_F(SecretFile, StampTellsChanges) {
  const FileStamp missing = StampOf(path_);
  EXPECT_FALSE(Changed(missing));
  WriteFile(path_, "one");
  EXPECT_TRUE(Changed(missing));
  const FileStamp one = StampOf(path_);
  EXPECT_FALSE(Changed(one));
  WriteFile(path_, "three");
  EXPECT_TRUE(Changed(one));
  const FileStamp three = StampOf(path_);
  // Another file of the same size and time in its place.
  WriteFile(path_ + "2", "other");
  std::filesystem::last_write_time(path_ + "2", std::filesystem::last_write_time(path_));
  std::filesystem::rename(path_ + "2", path_);
  EXPECT_TRUE(Changed(three));
  const FileStamp other = StampOf(path_);
  std::filesystem::remove(path_);
  EXPECT_TRUE(Changed(other));
}

TEST_F(SecretFile, StampTellsChangesOfTimeAlone) {
  WriteFile(path_, "one");
  FileStamp stamp = StampOf(path_);
  ++stamp.changed;
  EXPECT_TRUE(Changed(stamp));
  stamp = StampOf(path_);
  ++stamp.modified;
  EXPECT_TRUE(Changed(stamp));
}

}  // namespace
}  // namespace lacuna
