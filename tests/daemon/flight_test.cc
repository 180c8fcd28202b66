#include "daemon/flight.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "daemon/blob_source.h"

namespace lacuna {
namespace {

std::vector<ChunkRange> PlanFlights(const std::vector<uint64_t>& chunks) {
  return BlobSource(RemoteBlob()).PlanFlights(chunks);
}

TEST(BlobSource, JoinsAdjacentChunks) {
  EXPECT_EQ(PlanFlights({}), (std::vector<ChunkRange>{}));
  EXPECT_EQ(PlanFlights({3, 4, 5, 9, 11, 12}), (std::vector<ChunkRange>{{3, 6}, {9, 10}, {11, 13}}));
}

TEST(BlobSource, CapsAFlight) {
  std::vector<uint64_t> chunks;
  for (uint64_t chunk = 10; chunk < 10 + 130; ++chunk) chunks.push_back(chunk);
  EXPECT_EQ(PlanFlights(chunks), (std::vector<ChunkRange>{{10, 74}, {74, 138}, {138, 140}}));
}

// A flight over `chunks` of a blob, and what became of it.
struct Landing {
  Landing(const ChunkRange& chunks, const std::string& blob)
      : flight(
            chunks, blob.size(),
            [this](uint64_t chunk, ChunkBuffer got) { stored[chunk].assign(got.begin(), got.end()); },
            [this](const ChunkRange& what, const absl::Status& why) {
              lost = what;
              end = why;
            }),
        bytes(blob.substr(flight.bytes().offset, flight.bytes().length)) {}

  void Feed(size_t from, size_t to, size_t piece) {
    for (size_t at = from; at < to; at += piece) {
      flight.OnBytes(absl::MakeConstSpan(bytes).subspan(at, std::min(piece, to - at)));
    }
  }

  std::map<uint64_t, std::string> stored;
  std::optional<ChunkRange> lost;
  absl::Status end;
  Flight flight;
  const std::string bytes;  // what the registry sends
};

std::string SomeBytes(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + (i * 31 + i / 4096) % 26);
  return bytes;
}

TEST(Flight, HandsOnEachChunkAsItFillsHoweverTheStreamIsCut) {
  const std::string blob = SomeBytes(5 * kChunkSize);
  for (size_t piece : {size_t{1000}, size_t{kChunkSize}, size_t{kChunkSize + 1}, size_t{3 * kChunkSize}}) {
    Landing landing({1, 4}, blob);
    landing.Feed(0, kChunkSize, piece);
    EXPECT_EQ(landing.stored.size(), 1u);
    landing.Feed(kChunkSize, 3 * kChunkSize, piece);
    landing.flight.OnDone(absl::OkStatus());
    ASSERT_EQ(landing.stored.size(), 3u);
    for (const auto& [chunk, bytes] : landing.stored)
      EXPECT_EQ(bytes, blob.substr(chunk * kChunkSize, kChunkSize));
    EXPECT_TRUE(landing.end.ok());
    EXPECT_TRUE(landing.lost->empty());
  }
}

TEST(Flight, PadsTheBlobsTailAndDoesNotFetchThePadding) {
  const std::string blob = SomeBytes(kChunkSize + 5000);
  Landing landing({0, 2}, blob);
  EXPECT_EQ(landing.flight.bytes(), (ByteRange{0, blob.size()}));
  landing.Feed(0, blob.size(), 4096);
  EXPECT_EQ(landing.stored[1], blob.substr(kChunkSize) + std::string(8192 - 5000, '\0'));
}

TEST(Flight, AnErrorLosesWhatHadNotArrivedWhole) {
  Landing landing({0, 4}, SomeBytes(4 * kChunkSize));
  landing.Feed(0, kChunkSize + 100, 4096);
  landing.flight.OnDone(absl::UnavailableError("reset"));
  EXPECT_EQ(landing.stored.size(), 1u);
  EXPECT_EQ(landing.lost, (ChunkRange{1, 4}));
  EXPECT_EQ(landing.end.message(), "reset");
}

TEST(Flight, AStreamThatEndsEarlyWithoutAWordIsAnError) {
  Landing landing({0, 2}, SomeBytes(2 * kChunkSize));
  landing.Feed(0, kChunkSize, 4096);
  landing.flight.OnDone(absl::OkStatus());
  EXPECT_EQ(landing.lost, (ChunkRange{1, 2}));
  EXPECT_EQ(landing.end.code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace lacuna
