#include "registry/upload_body.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "daemon/base/status.h"

namespace lacuna {
namespace {

class FileBodyTest : public testing::Test {
 protected:
  FileBodyTest() { std::ofstream(path_) << "0123456789"; }
  ~FileBodyTest() override { std::remove(path_.c_str()); }

  const std::string path_ = testing::TempDir() + "upload_body_test." + std::to_string(getpid());
};

std::string Read(HttpBody& body, uint64_t offset, size_t size) {
  std::string out(size, '\0');
  out.resize(body.ReadAt(offset, absl::MakeSpan(out)).value());
  return out;
}

TEST_F(FileBodyTest, ReadsAnywhereAndEndsAtItsSize) {
  const auto body = *FileBody::Open(path_);
  EXPECT_EQ(body->size(), 10);
  EXPECT_EQ(Read(*body, 3, 4), "3456");
  EXPECT_EQ(Read(*body, 8, 100), "89");
  EXPECT_EQ(Read(*body, 10, 1), "");
  EXPECT_EQ(Read(*body, 99, 1), "");
}

TEST_F(FileBodyTest, AFileThatGrewKeepsTheSizeItHad) {
  const auto body = *FileBody::Open(path_);
  std::ofstream(path_, std::ios::app) << "more";
  EXPECT_EQ(Read(*body, 8, 100), "89");
}

TEST_F(FileBodyTest, AFileThatBecameShorterIsAnErrorAndNotAnEnd) {
  const auto body = *FileBody::Open(path_);
  ASSERT_EQ(truncate(path_.c_str(), 5), 0);
  char out[10];
  EXPECT_TRUE(IsIntegrityError(body->ReadAt(5, absl::MakeSpan(out)).status()));
  EXPECT_TRUE(IsIntegrityError(DigestOf(*body, nullptr).status()));
}

TEST_F(FileBodyTest, OnlyRegularFiles) {
  EXPECT_TRUE(absl::IsNotFound(FileBody::Open(path_ + ".none").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(FileBody::Open("/dev/null").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(FileBody::Open("/tmp").status()));
}

TEST_F(FileBodyTest, TheDigestIsOfAllOfIt) {
  uint64_t last = 0;
  EXPECT_EQ(*DigestOf(**FileBody::Open(path_), [&](uint64_t bytes) { last = bytes; }),
            Digest::Of("0123456789"));
  EXPECT_EQ(last, 10);
}

TEST(BodyPiece, IsTheBytesOfItsRangeAndNoMore) {
  std::vector<uint64_t> seen;
  BodyPiece piece(std::make_shared<MemoryBody>("0123456789"), 2, 5,
                  [&](uint64_t bytes) { seen.push_back(bytes); });
  EXPECT_EQ(piece.size(), 5);
  EXPECT_EQ(Read(piece, 0, 3), "234");
  EXPECT_EQ(Read(piece, 3, 100), "56");
  EXPECT_EQ(Read(piece, 5, 1), "");
  EXPECT_EQ(seen, (std::vector<uint64_t>{5, 7}));
}

}  // namespace
}  // namespace lacuna
