#include "daemon/base/read_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

TEST(ReadSmallFile, GivesAllBytesUpToTheLimit) {
  const TempDir folder;
  const std::string path = folder / "file";
  for (const size_t size : {0, 1, 1 << 20}) {
    const std::string content(size, '\0');
    std::ofstream(path, std::ios::binary) << content;
    const absl::StatusOr<std::string> got = ReadSmallFile(path);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(*got, content);
  }
}

TEST(ReadSmallFile, RefusesWhatIsLarger) {
  const TempDir folder;
  const std::string path = folder / "file";
  std::ofstream(path, std::ios::binary) << std::string((1 << 20) + 1, 'x');
  const absl::Status status = ReadSmallFile(path).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(path));
}

TEST(ReadSmallFile, TellsAMissingFileFromAFolder) {
  const TempDir folder;
  EXPECT_TRUE(absl::IsNotFound(ReadSmallFile(folder / "none").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ReadSmallFile(folder.path()).status()));
}

}  // namespace
}  // namespace lacuna
