// FirstDifference: each field of an index is looked at, and called by its name.
#include "erofs-tools/cli/index_difference.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "daemon/base/byte_range.h"

namespace lacuna {
namespace {

std::string Chunk(char fill) {
  return std::string(kChunkSize, fill);
}

// Of chunks 'a', zeros, 'b'.
LayerIndex SomeIndex() {
  LayerIndex index{.diff_id = Digest::Of("tar"),
                   .layer_digest = Digest::Of("blob"),
                   .layer_size = 10,
                   .codec = LayerCodec::kGzip,
                   .tar_size = 20,
                   .structure = "structure",
                   .structure_size = 9};
  index.chunks.Append(Chunk('a'));
  index.chunks.AppendZeros(kChunkSize);
  index.chunks.Append(Chunk('b'));
  index.checkpoints = {{}, {.tar_offset = 5, .blob_offset = 6, .bits = 7, .window = "w"}};
  index.chunk_blob_ends = {1, 2, 3};
  return index;
}

ChunkDigests Chunks(char first, bool second_is_zero, char third) {
  ChunkDigests chunks;
  chunks.Append(Chunk(first));
  if (second_is_zero) chunks.AppendZeros(kChunkSize);
  if (!second_is_zero) chunks.Append(Chunk('x'));
  chunks.Append(Chunk(third));
  return chunks;
}

TEST(FirstDifference, NoneBetweenEquals) {
  EXPECT_EQ(FirstDifference(SomeIndex(), SomeIndex()), "");
}

TEST(FirstDifference, IsCalledByItsName) {
  const std::pair<const char*, std::function<void(LayerIndex&)>> cases[] = {
      {"diffID", [](LayerIndex& index) { index.diff_id = Digest::Of("x"); }},
      {"layer digest", [](LayerIndex& index) { index.layer_digest = Digest::Of("x"); }},
      {"layer size", [](LayerIndex& index) { index.layer_size = 1; }},
      {"codec", [](LayerIndex& index) { index.codec = LayerCodec::kZstd; }},
      {"tar size", [](LayerIndex& index) { index.tar_size = 1; }},
      {"structure", [](LayerIndex& index) { index.structure = "other"; }},
      {"structure", [](LayerIndex& index) { index.structure_size = 1; }},
      {"device size", [](LayerIndex& index) { index.chunks.Append(std::string(kBlockSize, 'x')); }},
      {"chunk 0", [](LayerIndex& index) { index.chunks = Chunks('x', true, 'b'); }},
      {"chunk 1", [](LayerIndex& index) { index.chunks = Chunks('a', false, 'b'); }},
      {"chunk 2", [](LayerIndex& index) { index.chunks = Chunks('a', true, 'x'); }},
      {"checkpoint 0", [](LayerIndex& index) { index.checkpoints[0].blob_offset = 1; }},
      {"checkpoint 1", [](LayerIndex& index) { index.checkpoints[1].tar_offset = 1; }},
      {"checkpoint 1", [](LayerIndex& index) { index.checkpoints[1].bits = 1; }},
      {"checkpoint 1", [](LayerIndex& index) { index.checkpoints[1].window = "x"; }},
      {"checkpoint 1", [](LayerIndex& index) { index.checkpoints.pop_back(); }},
      {"checkpoint 2", [](LayerIndex& index) { index.checkpoints.emplace_back(); }},
      {"chunks' ends in the blob", [](LayerIndex& index) { index.chunk_blob_ends[1] = 1; }}};
  for (const auto& [name, change] : cases) {
    LayerIndex changed = SomeIndex();
    change(changed);
    EXPECT_EQ(FirstDifference(changed, SomeIndex()), name);
  }
}

}  // namespace
}  // namespace lacuna
