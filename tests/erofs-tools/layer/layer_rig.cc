#include "tests/erofs-tools/layer/layer_rig.h"

#include <zlib.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// The deflate stream of one member, gzip's header and trailer around it.
std::string GzipMember(absl::string_view content, const GzipOptions& options) {
  z_stream stream{};
  if (deflateInit2(&stream, options.level, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();
  std::string member(deflateBound(&stream, content.size()) + content.size() / 64 + 1024, '\0');
  stream.next_out = reinterpret_cast<Bytef*>(member.data());
  stream.avail_out = static_cast<uInt>(member.size());
  const size_t step = options.flush_every == 0 ? content.size() : options.flush_every;
  for (size_t at = 0; at < content.size(); at += step) {
    const absl::string_view piece = content.substr(at, step);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream.avail_in = static_cast<uInt>(piece.size());
    const int code = deflate(&stream, options.flush_every == 0 ? Z_NO_FLUSH : Z_BLOCK);
    if (code != Z_OK || stream.avail_in > 0) std::abort();
  }
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  member.resize(stream.total_out);
  deflateEnd(&stream);
  return member;
}

std::string RandomSparseFile(const std::string& name, Random& random) {
  std::vector<ByteRange> segments;
  uint64_t offset = Below(random, 100'000);
  uint64_t stored = 0;
  for (uint64_t count = Below(random, 20); count > 0; --count) {
    const uint64_t length = 1 + Below(random, random() % 2 == 0 ? 100 : 200'000);
    segments.push_back({offset, length});
    stored += length;
    offset += length + 1 + Below(random, 300'000);
  }
  return SparseFile(name, offset, segments,
                    random() % 4 == 0 ? std::string(stored, '\0') : Text(stored, random));
}

}  // namespace

std::string Noise(size_t size, Random& random) {
  std::string bytes((size + 7) / 8 * 8, '\0');
  for (size_t at = 0; at < bytes.size(); at += 8) {
    const uint64_t value = random();
    bytes.replace(at, 8, reinterpret_cast<const char*>(&value), 8);
  }
  bytes.resize(size);
  return bytes;
}

std::string Text(size_t size, Random& random) {
  const std::string words = Noise(2048, random);
  std::string text;
  text.reserve(size + 64);
  while (text.size() < size) text.append(words, Below(random, 2000), 3 + Below(random, 40));
  text.resize(size);
  return text;
}

std::string SparseFile(const std::string& name, uint64_t size, const std::vector<ByteRange>& segments,
                       const std::string& stored) {
  std::string map = absl::StrCat(segments.size(), "\n");
  for (const ByteRange& segment : segments) absl::StrAppend(&map, segment.offset, "\n", segment.length, "\n");
  return Pax({{"GNU.sparse.major", "1"},
              {"GNU.sparse.minor", "0"},
              {"GNU.sparse.name", name},
              {"GNU.sparse.realsize", absl::StrCat(size)}}) +
         TarFile({.name = "GNUSparseFile.0/entry"}, Padded(map) + stored);
}

std::string RandomTar(Random& random, size_t files) {
  std::string tar;
  for (size_t i = 0; i < files; ++i) {
    const std::string name = absl::StrCat("directory", Below(random, 3), "/file", i);
    const size_t size = Below(random, random() % 4 == 0 ? 2'000'000 : 5'000);
    switch (Below(random, 8)) {
      case 0:
        tar += TarHeaderBlock({.flag = '2', .name = name, .target = "elsewhere"});
        break;
      case 1:
        tar += RandomSparseFile(name, random);
        break;
      case 2:
        tar += TarFile({.name = name}, std::string(size, '\0'));
        break;
      case 3:
        tar += TarFile({.name = name}, Noise(size, random));
        break;
      case 4:
        tar += TarFile({.name = name}, "");
        break;
      default:
        tar += TarFile({.name = name}, Text(size, random));
    }
  }
  return tar + kTarEnd;
}

std::string Gzip(const std::string& content, const GzipOptions& options) {
  if (options.member_size == 0) return GzipMember(content, options);
  std::string blob;
  for (size_t at = 0; at < content.size(); at += options.member_size) {
    blob += GzipMember(absl::string_view(content).substr(at, options.member_size), options);
  }
  return blob;
}

absl::StatusOr<TestLayer> IndexLayer(LayerCodec codec, std::string tar, std::string blob, Random& random) {
  TestLayer layer;
  layer.tar = std::move(tar);
  layer.blob = std::move(blob);
  LayerIndexer indexer(codec, [&](uint64_t chunk, absl::Span<const char> bytes) {
    layer.device.resize(chunk * kChunkSize);
    layer.device.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  });
  for (size_t at = 0; at < layer.blob.size();) {
    const std::string piece = layer.blob.substr(at, 1 + Below(random, random() % 2 == 0 ? 10 : 1'000'000));
    RETURN_IF_ERROR(indexer.Write(piece));
    at += piece.size();
  }
  ASSIGN_OR_RETURN(IndexedLayer indexed, indexer.Finish());
  layer.device.resize(indexed.index.chunks.device_size());
  layer.index = std::make_shared<const LayerIndex>(std::move(indexed.index));
  layer.tree = std::move(indexed.tree);
  return layer;
}

std::shared_ptr<const LayerIndex> Changed(LayerIndex index, const std::function<void(LayerIndex&)>& change) {
  change(index);
  return std::make_shared<const LayerIndex>(std::move(index));
}

}  // namespace lacuna
