#include "daemon/merged_image.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/erofs_writer.h"
#include "erofs-tools/layer/layer_contents.h"
#include "erofs-tools/layer/layer_root.h"
#include "erofs-tools/tree/fill_holes.h"
#include "erofs-tools/tree/merge_layers.h"

namespace lacuna {
namespace {

absl::StatusOr<ObjectRecord> DeviceOf(const IndexedTarLayer& layer) {
  const LayerIndex& index = *layer.index.index;
  ASSIGN_OR_RETURN(Digest root, LayerRoot(index));
  return ObjectRecord{.digest = layer.layer.blob.digest,
                      .size = layer.layer.blob.size,
                      .kind = ObjectRecord::Kind::kLayer,
                      .diff_id = index.diff_id,
                      .root = std::move(root),
                      .index = layer.index.digest,
                      .device_size = index.chunks.device_size()};
}

ObjectRecord DeviceOfZeros(uint64_t size) {
  return {.digest = Digest::Of(std::string(size, '\0')), .size = size, .kind = ObjectRecord::Kind::kMade};
}

// The number of the layer's device; an image may have a layer twice.
absl::StatusOr<uint16_t> DeviceNumber(std::vector<ObjectRecord>& devices, const IndexedTarLayer& layer) {
  ASSIGN_OR_RETURN(ObjectRecord device, DeviceOf(layer));
  if (device.device_size == 0) return 0;  // nothing points into it
  for (size_t i = 0; i < devices.size(); ++i) {
    if (devices[i].Key() == device.Key()) return static_cast<uint16_t>(i);
  }
  devices.push_back(std::move(device));
  return static_cast<uint16_t>(devices.size() - 1);
}

}  // namespace

absl::StatusOr<MergedImage> MergeImage(const std::vector<IndexedTarLayer>& layers, Holes holes) {
  std::vector<ObjectRecord> devices;
  std::vector<LayerTree> trees;
  for (const IndexedTarLayer& layer : layers) {
    absl::StatusOr<LayerContents> contents = ReadLayerContents(*layer.index.index);
    if (!contents.ok()) {
      return Annotate(contents.status(), absl::StrCat("index of layer ", layer.layer.blob.digest.ToString()));
    }
    ASSIGN_OR_RETURN(const uint16_t device, DeviceNumber(devices, layer));
    trees.push_back({std::move(contents->tree), device});
  }
  ASSIGN_OR_RETURN(FileTree tree, MergeLayers(std::move(trees)));
  MergedImage image;
  if (holes == Holes::kAreZeros) {
    ASSIGN_OR_RETURN(image.zeros, FillHoles(tree, static_cast<uint16_t>(devices.size())));
    if (image.zeros > 0) devices.push_back(DeviceOfZeros(image.zeros));
  }
  std::vector<ErofsDevice> table;
  table.reserve(devices.size());
  for (const ObjectRecord& device : devices) table.push_back({device.digest.hex(), device.object_size()});
  ASSIGN_OR_RETURN(image.bootstrap, WriteErofs(tree, table));
  image.objects = {{.digest = Digest::Of(image.bootstrap),
                    .size = image.bootstrap.size(),
                    .kind = ObjectRecord::Kind::kMade}};
  image.objects.insert(image.objects.end(), devices.begin(), devices.end());
  return image;
}

}  // namespace lacuna
