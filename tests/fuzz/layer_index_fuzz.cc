// A layer's index, as anybody may have written it: parsed, and used as the daemon uses it.
//
// Input: a file of an index, or, where it is no zstd, the protobuf message in it, so that the fuzzer gets
// past the compression.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "erofs-tools/layer/chunk_decoder.h"
#include "erofs-tools/layer/layer_contents.h"
#include "erofs-tools/layer/layer_index.h"
#include "erofs-tools/layer/layer_verifier.h"
#include "erofs-tools/layer/zstd_stream.h"

namespace lacuna {
namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

void PlanAndDecode(const std::shared_ptr<const ChunkMapper>& mapper, const ChunkRange& wanted) {
  const DecodePlan plan = mapper->Plan(wanted);
  Check(plan.blob.end() <= mapper->index().layer_size);
  Check(plan.chunks.first <= wanted.first && plan.chunks.last >= wanted.last);
  Check(plan.chunks.last <= ChunkCount(mapper->index().chunks.device_size()));
  ChunkDecoder decoder(mapper, plan, [&](uint64_t chunk, absl::Span<const char> bytes) {
    Check(chunk >= plan.chunks.first && chunk < plan.chunks.last);
    Check(mapper->index().chunks.Matches(chunk, bytes));
  });
  (void)decoder.Write(std::string(std::min<uint64_t>(plan.blob.length, 4096), 'x'));
  Check(decoder.next() <= plan.chunks.last);
}

void Use(const std::shared_ptr<const LayerIndex>& index) {
  const absl::StatusOr<LayerContents> contents = ReadLayerContents(*index);
  const auto mapper = ChunkMapper::Of(index);
  const uint64_t chunks = ChunkCount(index->chunks.device_size());
  if (mapper.ok() && chunks > 0) {
    for (const uint64_t first : {uint64_t{0}, chunks / 2, chunks - 1}) {
      PlanAndDecode(*mapper, {first, std::min(first + 3, chunks)});
    }
  }
  if (!contents.ok() || index->tar_size > 1024 * 1024) return;
  LayerVerifier verifier(index, [&](uint64_t offset, absl::Span<char> out) {
    Check(offset + out.size() <= index->chunks.device_size());
    return absl::OkStatus();
  });
  while (true) {
    const absl::StatusOr<bool> done = verifier.Step();
    if (!done.ok() || *done) break;
  }
}

void Parse(const std::string& file) {
  absl::StatusOr<LayerIndex> index = ParseLayerIndex(file);
  if (!index.ok()) {
    Check(!index.status().message().empty());
    return;
  }
  const absl::StatusOr<LayerIndex> again = ParseLayerIndex(SerializeLayerIndex(*index));
  Check(again.ok() && again->chunks.Root() == index->chunks.Root());
  Use(std::make_shared<const LayerIndex>(*std::move(index)));
}

}  // namespace
}  // namespace lacuna

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string file(reinterpret_cast<const char*>(data), size);
  lacuna::Parse(file);
  lacuna::Parse(lacuna::ZstdCompress(file, 1));
  return 0;
}
