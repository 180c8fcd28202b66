// The JSON that lacuna-image prints, and the image config that it pushes.
#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "erofs-tools/cli/output.h"

namespace lacuna {
namespace {

using Json = nlohmann::ordered_json;

// Strings that are not UTF-8 (a volume name may be anything) become U+FFFD rather than an exception.
std::string Dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Json ToJson(const Descriptor& descriptor) {
  return {{"digest", descriptor.digest.ToString()},
          {"size", descriptor.size},
          {"media_type", descriptor.media_type}};
}

Json ToJson(const ErofsMetadata& erofs) {
  const Superblock& superblock = erofs.superblock;
  Json json = {
      {"block_size", superblock.block_size},
      {"blocks", superblock.blocks},
      {"inodes", superblock.inodes},
      {"root_nid", superblock.root_nid},
      {"meta_block", superblock.meta_block},
      {"xattr_block", superblock.xattr_block},
      {"build_time", absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(superblock.build_time),
                                      absl::UTCTimeZone())},
      {"uuid", superblock.UuidText()},
      {"volume_name", superblock.volume_name},
      {"features",
       {{"compat", CompatFeatureNames(superblock.feature_compat)},
        {"incompat", IncompatFeatureNames(superblock.feature_incompat)}}},
      {"devices", Json::array()}};
  for (const DeviceSlot& device : erofs.devices) {
    json["devices"].push_back(
        {{"tag", device.tag}, {"blocks", device.blocks}, {"mapped_block", device.mapped_block}});
  }
  return json;
}

}  // namespace

std::string ToJson(const PushResult& result) {
  Json json = {{"schema", 1},
               {"reference", result.reference},
               {"digest", result.manifest_digest.ToString()},
               {"blobs", Json::array()}};
  for (const PushedBlob& blob : result.blobs) {
    json["blobs"].push_back(ToJson(blob.descriptor));
    json["blobs"].back()["sent"] = blob.how == BlobPush::kSent;
    json["blobs"].back()["mounted"] = blob.how == BlobPush::kMounted;
  }
  return Dump(json, 2) + "\n";
}

std::string ToJson(const IndexResult& result) {
  Json json = {{"schema", 1},
               {"reference", result.reference},
               {"digest", result.manifest_digest.ToString()},
               {"artifact", result.artifact_digest.ToString()},
               {"stored", result.stored}};
  if (!result.bound.empty()) {
    json["bound"] = {{"reference", result.bound}, {"digest", result.bound_digest.ToString()}};
  }
  json["layers"] = Json::array();
  for (const LayerSummary& layer : result.layers) {
    Json& entry = json["layers"].emplace_back(ToJson(layer.layer));
    entry["diff_id"] = layer.diff_id.ToString();
    entry["tar_size"] = layer.tar_size;
    entry["device_size"] = layer.device_size;
    entry["index_digest"] = layer.index.digest.ToString();
    entry["index_size"] = layer.index.size;
    entry["seconds"] = layer.seconds;
  }
  return Dump(json, 2) + "\n";
}

std::string ToJson(const ImageCheck& check) {
  Json json = {{"schema", 1},
               {"reference", check.reference},
               {"digest", check.manifest_digest.ToString()},
               {"artifact", check.artifact_digest.ToString()},
               {"layers", Json::array()},
               {"bootstrap_size", check.bootstrap_size},
               {"inodes", check.inodes}};
  for (const Descriptor& layer : check.layers) json["layers"].push_back(ToJson(layer));
  return Dump(json, 2) + "\n";
}

std::string ToJson(const TreeReport& report) {
  const ErofsSummary& tree = report.tree;
  Json json = {{"schema", 1}, {"image", report.source}};
  if (!report.folder.empty()) json["folder"] = report.folder;
  json.update({{"inodes", tree.inodes},
               {"names", tree.names},
               {"regular_files", tree.regular_files},
               {"directories", tree.directories},
               {"symlinks", tree.symlinks},
               {"devices", tree.devices},
               {"fifos", tree.fifos},
               {"sockets", tree.sockets},
               {"xattrs", tree.xattrs},
               {"file_bytes", tree.file_bytes},
               {"hole_bytes", tree.hole_bytes}});
  return Dump(json, 2) + "\n";
}

std::string ToJson(const Inspection& inspection) {
  Json json = {{"schema", 1}};
  if (inspection.reference.empty()) {
    json["file"] = inspection.file;
    json["size"] = inspection.file_size;
  } else {
    json["reference"] = inspection.reference;
    json["digest"] = inspection.manifest_digest.ToString();
    json["media_type"] = inspection.manifest.media_type;
    json["config"] = ToJson(inspection.manifest.config);
    json["layers"] = Json::array();
    for (const Descriptor& layer : inspection.manifest.layers) json["layers"].push_back(ToJson(layer));
  }
  if (inspection.referrers.has_value()) {
    json["referrers"] = Json::array();
    for (const Descriptor& referrer : *inspection.referrers) {
      json["referrers"].push_back(ToJson(referrer));
      json["referrers"].back()["artifact_type"] = referrer.artifact_type;
    }
  }
  if (inspection.index.has_value()) {
    json["index"] = {{"digest", inspection.index->digest.ToString()}, {"layers", Json::array()}};
    for (const Descriptor& layer : inspection.manifest.layers) {
      const auto found = inspection.index->indexes.find(layer.digest);
      if (found == inspection.index->indexes.end()) continue;
      json["index"]["layers"].push_back({{"layer", layer.digest.ToString()},
                                         {"digest", found->second.digest.ToString()},
                                         {"size", found->second.size}});
    }
  }
  if (inspection.erofs.has_value()) json["erofs"] = ToJson(*inspection.erofs);
  return Dump(json, 2) + "\n";
}

std::string ConfigJson(const Platform& platform, const std::vector<Digest>& diff_ids) {
  Json json = {{"architecture", platform.architecture}, {"os", platform.os}};
  if (!platform.variant.empty()) json["variant"] = platform.variant;
  json["config"] = Json::object();
  json["rootfs"] = {{"type", "layers"}, {"diff_ids", Json::array()}};
  for (const Digest& diff_id : diff_ids) json["rootfs"]["diff_ids"].push_back(diff_id.ToString());
  return Dump(json, -1);
}

}  // namespace lacuna
