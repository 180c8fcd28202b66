// Makes an EROFS image of an OCI image's layers without a registry or a daemon, so that tests can mount it.
//
// layers_to_erofs OUT CODEC BLOB [CODEC BLOB…]: the layers' blobs from below, each `plain`, `gzip` or `zstd`.
// Writes OUT/bootstrap.erofs, and OUT/device-N.blob for the Nth device of its table. What the bootstrap is
// made of goes through the index's file format first, as on its way through a registry, and has to come to
// the same tree.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "daemon/base/byte_range.h"
#include "daemon/base/status.h"
#include "erofs-tools/erofs_writer.h"
#include "erofs-tools/layer/layer_contents.h"
#include "erofs-tools/layer/layer_indexer.h"
#include "erofs-tools/tree/merge_layers.h"

namespace lacuna {
namespace {

constexpr size_t kReadBytes = 1 << 20;

struct Image {
  std::vector<ErofsDevice> devices;
  std::vector<LayerTree> from_tars;
  std::vector<LayerTree> from_indexes;
};

absl::StatusOr<LayerCodec> ParseCodec(absl::string_view name) {
  if (name == "plain") return LayerCodec::kPlain;
  if (name == "gzip") return LayerCodec::kGzip;
  if (name == "zstd") return LayerCodec::kZstd;
  return absl::InvalidArgumentError(absl::StrCat("unknown codec ", name));
}

absl::StatusOr<IndexedLayer> IndexBlob(const std::string& path, LayerCodec codec,
                                       const std::string& device_path) {
  std::ifstream blob(path, std::ios::binary);
  std::ofstream device(device_path, std::ios::binary);
  LayerIndexer indexer(codec, [&device](uint64_t chunk, absl::Span<const char> bytes) {
    device.seekp(static_cast<std::streamoff>(chunk * kChunkSize));
    device.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return device.good() ? absl::OkStatus() : absl::InternalError("cannot write the device");
  });
  std::string buffer(kReadBytes, '\0');
  while (blob.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), blob.gcount() > 0) {
    RETURN_IF_ERROR(indexer.Write({buffer.data(), static_cast<size_t>(blob.gcount())}));
  }
  return indexer.Finish();
}

absl::Status AddLayer(const std::string& folder, absl::string_view codec_name, const std::string& blob,
                      Image& image) {
  ASSIGN_OR_RETURN(const LayerCodec codec, ParseCodec(codec_name));
  const std::string device = absl::StrCat(folder, "/device-", image.devices.size() + 1, ".blob");
  ASSIGN_OR_RETURN(IndexedLayer layer, IndexBlob(blob, codec, device));
  ASSIGN_OR_RETURN(const LayerIndex index, ParseLayerIndex(SerializeLayerIndex(layer.index)));
  ASSIGN_OR_RETURN(LayerContents contents, ReadLayerContents(index));
  const auto number = static_cast<uint16_t>(image.devices.size());
  image.from_tars.push_back({std::move(layer.tree), number});
  image.from_indexes.push_back({std::move(contents.tree), number});
  if (const uint64_t size = index.chunks.device_size(); size > 0) {
    std::filesystem::resize_file(device, size);
    image.devices.push_back({absl::StrCat("layer ", image.from_tars.size()), size});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Bootstrap(std::vector<LayerTree> layers,
                                      const std::vector<ErofsDevice>& devices) {
  ASSIGN_OR_RETURN(const FileTree tree, MergeLayers(std::move(layers)));
  return WriteErofs(tree, devices);
}

absl::Status Run(const std::vector<std::string>& arguments) {
  const std::string& folder = arguments.front();
  Image image;
  for (size_t at = 1; at + 1 < arguments.size(); at += 2) {
    RETURN_IF_ERROR(AddLayer(folder, arguments[at], arguments[at + 1], image));
  }
  ASSIGN_OR_RETURN(const std::string bootstrap, Bootstrap(std::move(image.from_tars), image.devices));
  ASSIGN_OR_RETURN(const std::string again, Bootstrap(std::move(image.from_indexes), image.devices));
  if (bootstrap != again) return absl::InternalError("the indexes do not give the tree that the layers gave");
  std::ofstream file(folder + "/bootstrap.erofs", std::ios::binary);
  file << bootstrap;
  return file.flush().good() ? absl::OkStatus() : absl::InternalError("cannot write the bootstrap");
}

}  // namespace
}  // namespace lacuna

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const absl::Status status =
      arguments.size() < 3 ? absl::InvalidArgumentError("usage: OUT CODEC BLOB …") : lacuna::Run(arguments);
  if (!status.ok()) std::fprintf(stderr, "layers_to_erofs: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
