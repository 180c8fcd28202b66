#include "erofs-tools/layer/blob_inflater.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "daemon/base/status.h"
#include "erofs-tools/layer/gzip_inflater.h"
#include "erofs-tools/layer/zstd_stream.h"
#include "tests/erofs-tools/layer/layer_rig.h"

namespace lacuna {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::SizeIs;

struct Inflated {
  std::string tar;
  std::vector<GzipCheckpoint> checkpoints;
  std::vector<std::pair<uint64_t, uint64_t>>
      progress;  // bytes of the tar that were out, of the blob that had gone in
  absl::Status status;
};

Inflated Inflate(LayerCodec codec, const std::string& blob, size_t step = 1'000'000) {
  Inflated result;
  const auto inflater = BlobInflater::Of(
      codec,
      [&](absl::Span<const char> tar, uint64_t blob_bytes) {
        result.tar.append(tar.data(), tar.size());
        result.progress.emplace_back(result.tar.size(), blob_bytes);
        return absl::OkStatus();
      },
      result.checkpoints);
  for (size_t at = 0; at < blob.size() && result.status.ok(); at += step) {
    result.status = inflater->Write(blob.substr(at, step));
  }
  if (result.status.ok()) result.status = inflater->Finish();
  return result;
}

std::string ErrorOf(LayerCodec codec, const std::string& blob) {
  const Inflated result = Inflate(codec, blob, 7);
  EXPECT_EQ(result.status.ok(), !IsIntegrityError(result.status)) << result.status;
  return std::string(result.status.message());
}

std::string Sample(size_t size) {
  Random random(7);
  return Text(size, random);
}

// Bytes of the tar that come out of the blob's bytes from the checkpoint up to `blob_end`.
std::string InflateFrom(const GzipCheckpoint& checkpoint, const std::string& blob, uint64_t blob_end) {
  std::string tar;
  auto inflater = GzipInflater::From(checkpoint, [&](absl::Span<const char> bytes, uint64_t) {
    tar.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  });
  EXPECT_TRUE(inflater.ok()) << inflater.status();
  const absl::Status status = (*inflater)->Write(
      absl::MakeConstSpan(blob).subspan(BlobBegin(checkpoint), blob_end - BlobBegin(checkpoint)));
  EXPECT_TRUE(status.ok()) << status;
  return tar;
}

TEST(BlobInflater, PlainIsPassedOn) {
  EXPECT_EQ(Inflate(LayerCodec::kPlain, "some bytes", 3).tar, "some bytes");
}

TEST(BlobInflater, GzipMembersFollowEachOther) {
  const std::string blob = Gzip("first ") + Gzip("") + Gzip("second") + Gzip("");
  for (const size_t step : {1, 5, 1000}) {
    const Inflated result = Inflate(LayerCodec::kGzip, blob, step);
    EXPECT_TRUE(result.status.ok()) << result.status;
    EXPECT_EQ(result.tar, "first second");
  }
}

TEST(BlobInflater, ZerosMayFollowGzip) {
  EXPECT_EQ(ErrorOf(LayerCodec::kGzip, Gzip("x") + std::string(1000, '\0')), "");
}

TEST(BlobInflater, NothingElseMayFollowGzip) {
  EXPECT_THAT(ErrorOf(LayerCodec::kGzip, Gzip("x") + "garbage"), HasSubstr("incorrect header check"));
  EXPECT_THAT(ErrorOf(LayerCodec::kGzip, Gzip("x") + std::string(10, '\0') + "g"),
              HasSubstr("follow the last gzip member"));
  EXPECT_THAT(ErrorOf(LayerCodec::kGzip, Gzip("x") + std::string(10, '\0') + Gzip("y")),
              HasSubstr("follow the last gzip member"));
}

TEST(BlobInflater, GzipThatIsCutShortIsAnError) {
  const std::string blob = Gzip(Sample(1000)) + Gzip("second");
  const size_t first = Gzip(Sample(1000)).size();
  for (size_t size = 0; size < blob.size(); ++size) {
    EXPECT_EQ(ErrorOf(LayerCodec::kGzip, blob.substr(0, size)).empty(), size == first) << size;
  }
}

TEST(BlobInflater, GzipsChecksumIsChecked) {
  std::string blob = Gzip(Sample(1000), {.level = 0});
  blob[100] = static_cast<char>(blob[100] ^ 1);
  EXPECT_THAT(ErrorOf(LayerCodec::kGzip, blob), HasSubstr("incorrect data check"));
}

TEST(BlobInflater, CheckpointsAreAsFarApartAsTheyMayBe) {
  const std::string blob = Gzip(Sample(30'000'000), {.level = 1});
  const Inflated result = Inflate(LayerCodec::kGzip, blob, 10'000);
  ASSERT_GE(result.checkpoints.size(), 7);
  EXPECT_EQ(result.checkpoints[0].tar_offset, 0);
  for (size_t i = 1; i < result.checkpoints.size(); ++i) {
    const uint64_t distance = result.checkpoints[i].tar_offset - result.checkpoints[i - 1].tar_offset;
    EXPECT_GE(distance, kCheckpointSpacing);
    EXPECT_LE(distance, kCheckpointSpacing + 200'000);
  }
}

TEST(BlobInflater, CheckpointsAreCloserWhereNothingIsCompressed) {
  const std::string blob = Gzip(Sample(10'000'000), {.level = 0});
  const Inflated result = Inflate(LayerCodec::kGzip, blob, 10'000);
  ASSERT_GE(result.checkpoints.size(), 5);
  for (size_t i = 1; i < result.checkpoints.size(); ++i) {
    const uint64_t distance = result.checkpoints[i].blob_offset - result.checkpoints[i - 1].blob_offset;
    EXPECT_GE(distance, kCheckpointBlobSpacing);
    EXPECT_LE(distance, kCheckpointBlobSpacing + 100'000);
  }
}

TEST(BlobInflater, CheckpointsDoNotDependOnHowTheBlobIsCut) {
  const std::string blob = Gzip(Sample(10'000'000));
  const Inflated one = Inflate(LayerCodec::kGzip, blob, 1'000'000);
  const Inflated other = Inflate(LayerCodec::kGzip, blob, 777);
  ASSERT_GE(one.checkpoints.size(), 3);
  ASSERT_EQ(other.checkpoints.size(), one.checkpoints.size());
  for (size_t i = 0; i < one.checkpoints.size(); ++i) {
    EXPECT_EQ(one.checkpoints[i].tar_offset, other.checkpoints[i].tar_offset);
    EXPECT_EQ(one.checkpoints[i].blob_offset, other.checkpoints[i].blob_offset);
    EXPECT_EQ(one.checkpoints[i].bits, other.checkpoints[i].bits);
    EXPECT_EQ(one.checkpoints[i].window, other.checkpoints[i].window);
  }
}

TEST(BlobInflater, InflatingGoesOnAtEveryCheckpoint) {
  const std::string tar = Sample(20'000'000);
  for (const GzipOptions& options :
       {GzipOptions{.level = 0}, GzipOptions{.level = 1}, GzipOptions{.level = 9},
        GzipOptions{.member_size = 3'000'000}, GzipOptions{.flush_every = 100'000}}) {
    const std::string blob = Gzip(tar, options);
    const Inflated result = Inflate(LayerCodec::kGzip, blob);
    ASSERT_GE(result.checkpoints.size(), 4);
    for (const GzipCheckpoint& checkpoint : result.checkpoints) {
      EXPECT_TRUE(InflateFrom(checkpoint, blob, blob.size()) == tar.substr(checkpoint.tar_offset));
    }
  }
}

// What chunk_blob_ends rests on.
TEST(BlobInflater, WhatHadGoneInIsEnough) {
  const std::string tar = Sample(9'000'000);
  const std::string blob = Gzip(tar, {.member_size = 5'000'000});
  const Inflated result = Inflate(LayerCodec::kGzip, blob);
  ASSERT_GE(result.checkpoints.size(), 2);
  for (size_t i = 0; i < result.progress.size(); i += 191) {
    const auto [tar_end, blob_end] = result.progress[i];
    for (const GzipCheckpoint& checkpoint : result.checkpoints) {
      if (checkpoint.tar_offset >= tar_end) continue;
      const std::string part = InflateFrom(checkpoint, blob, blob_end);
      EXPECT_GE(checkpoint.tar_offset + part.size(), tar_end);
    }
  }
}

// The bytes that are not zero.
size_t UsedBytes(const GzipCheckpoint& checkpoint) {
  const std::string window = *ZstdDecompress(checkpoint.window, kGzipWindow);
  EXPECT_EQ(window.size(), kGzipWindow);
  return static_cast<size_t>(std::count_if(window.begin(), window.end(), [](char c) { return c != 0; }));
}

TEST(BlobInflater, OfAWindowOnlyWhatIsReferredToIsKept) {
  Random random(1);
  const Inflated noise = Inflate(LayerCodec::kGzip, Gzip(Noise(3'000'000, random)), 10'000);
  ASSERT_GE(noise.checkpoints.size(), 3);
  for (size_t i = 1; i < noise.checkpoints.size(); ++i) EXPECT_EQ(UsedBytes(noise.checkpoints[i]), 0);
  const std::string piece = Noise(30'000, random);  // again and again: each copy is of the one before
  std::string copies;
  while (copies.size() < 4'000'000) copies += piece;
  const Inflated repeated = Inflate(LayerCodec::kGzip, Gzip(copies, {.flush_every = 100'000}), 10'000);
  ASSERT_GE(repeated.checkpoints.size(), 3);
  for (size_t i = 1; i < repeated.checkpoints.size(); ++i)
    EXPECT_GT(UsedBytes(repeated.checkpoints[i]), 29'000);
}

TEST(BlobInflater, AMemberThatBeginsWhenACheckpointIsDueIsOneWithoutWindow) {
  // Headers and trailers make a member that is this long one that is too long.
  const size_t member = kCheckpointBlobSpacing - 20;
  const Inflated result =
      Inflate(LayerCodec::kGzip, Gzip(Sample(9'000'000), {.level = 0, .member_size = member}), 100'000);
  ASSERT_THAT(result.checkpoints, SizeIs(9'000'000 / member + 1));
  EXPECT_THAT(result.checkpoints, Each(testing::Field(&GzipCheckpoint::window, "")));
}

TEST(BlobInflater, ZstdFramesFollowEachOther) {
  const std::string skippable("\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
  const std::string tar = Sample(1'000'000);
  const std::string blob = ZstdCompress(tar, 3) + skippable + ZstdCompress("", 3) + ZstdCompress("end", 3);
  for (const size_t step : {1, 1000, 10'000'000}) {
    const Inflated result = Inflate(LayerCodec::kZstd, blob, step);
    EXPECT_TRUE(result.status.ok()) << result.status;
    EXPECT_TRUE(result.tar == tar + "end");
  }
}

TEST(BlobInflater, ZstdThatIsDamagedOrCutShortIsAnError) {
  const std::string blob = ZstdCompress(Sample(1000), 3);
  EXPECT_EQ(ErrorOf(LayerCodec::kZstd, blob), "");
  EXPECT_THAT(ErrorOf(LayerCodec::kZstd, ""), HasSubstr("cut short"));
  EXPECT_THAT(ErrorOf(LayerCodec::kZstd, blob.substr(0, blob.size() - 1)), HasSubstr("cut short"));
  EXPECT_THAT(ErrorOf(LayerCodec::kZstd, blob + "garbage"), HasSubstr("zstd: "));
}

TEST(BlobInflater, AWindowThatIsNoneIsAnError) {
  const GzipCheckpoint checkpoint{.tar_offset = 1, .blob_offset = 1, .bits = 0, .window = "not zstd"};
  EXPECT_TRUE(IsIntegrityError(GzipInflater::From(checkpoint, nullptr).status()));
}

}  // namespace
}  // namespace lacuna
