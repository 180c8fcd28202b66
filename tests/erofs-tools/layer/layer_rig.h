// Layers for tests: tars of files, compressed in many ways, indexed, with their device as bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "erofs-tools/layer/layer_indexer.h"
#include "tests/erofs-tools/tar/tar_builder.h"

namespace lacuna {

using Random = std::mt19937_64;

// A number in [0, end).
inline uint64_t Below(Random& random, uint64_t end) {
  return random() % end;
}

// Bytes that compress about as well as a program does.
std::string Text(size_t size, Random& random);
// Bytes that do not compress.
std::string Noise(size_t size, Random& random);

// A sparse file as GNU tar writes it in the PAX format (1.0): `segments` are where `stored` is in the file.
std::string SparseFile(const std::string& name, uint64_t size, const std::vector<ByteRange>& segments,
                       const std::string& stored);

// Files of all kinds, with directories, links and empty files in between.
std::string RandomTar(Random& random, size_t files);

struct GzipOptions {
  int level = 6;
  size_t member_size = 0;  // bytes of content in each gzip member; 0: one
  size_t flush_every = 0;  // ends the deflate block after so many bytes; 0: zlib decides
};
std::string Gzip(const std::string& content, const GzipOptions& options = {});

struct TestLayer {
  std::string tar;
  std::string blob;
  std::shared_ptr<const LayerIndex> index;
  FileTree tree;
  std::string device;
};

// Indexes the blob, written in pieces of random length.
absl::StatusOr<TestLayer> IndexLayer(LayerCodec codec, std::string tar, std::string blob, Random& random);
// An index of another layer: `index` after `change`.
std::shared_ptr<const LayerIndex> Changed(LayerIndex index, const std::function<void(LayerIndex&)>& change);

}  // namespace lacuna
