// The tables that lacuna-image prints: one fact a line, its name in the first column.
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "daemon/base/escape.h"
#include "daemon/base/format_bytes.h"
#include "erofs-tools/cli/output.h"

namespace lacuna {
namespace {

void AppendLine(std::string& text, absl::string_view name, absl::string_view value) {
  absl::StrAppendFormat(&text, "%-12s  %s\n", name, value);
}

std::string ToText(const Descriptor& descriptor) {
  return absl::StrCat(descriptor.digest.ToString(), "  ", FormatBytes(descriptor.size), "  ",
                      EscapeForTerminal(descriptor.media_type));
}

// "1.2 MiB (0.84%)" of the layer as it is in the registry.
std::string IndexSize(const Descriptor& index, const Descriptor& layer) {
  return absl::StrFormat(
      "%s (%.2f%%)", FormatBytes(index.size),
      layer.size == 0 ? 0 : 100.0 * static_cast<double>(index.size) / static_cast<double>(layer.size));
}

void AppendIndex(std::string& text, const IndexArtifact& artifact, const Manifest& image) {
  AppendLine(text, "index", artifact.digest.ToString());
  for (size_t i = 0; i < image.layers.size(); ++i) {
    const auto found = artifact.indexes.find(image.layers[i].digest);
    AppendLine(text, absl::StrCat("index ", i + 1),
               found == artifact.indexes.end() ? "none"
                                               : absl::StrCat(found->second.digest.ToString(), "  ",
                                                              IndexSize(found->second, image.layers[i])));
  }
}

std::string ToText(const DeviceSlot& device, uint32_t block_size) {
  // mkfs.erofs 1.5 leaves the length empty. With 48 bits of blocks of 64 KiB the product still fits.
  std::string text = device.blocks == 0
                         ? "length not recorded"
                         : absl::StrCat(device.blocks, " blocks, ", FormatBytes(device.blocks * block_size));
  if (device.mapped_block != 0) absl::StrAppend(&text, ", from block ", device.mapped_block);
  if (!device.tag.empty()) absl::StrAppend(&text, ", tag ", EscapeForTerminal(device.tag));
  return text;
}

void AppendErofs(std::string& text, const ErofsMetadata& erofs) {
  const Superblock& superblock = erofs.superblock;
  const absl::Time built = absl::FromUnixSeconds(superblock.build_time);
  AppendLine(text, "blocks", absl::StrCat(superblock.blocks, " of ", superblock.block_size, " bytes"));
  AppendLine(text, "inodes", absl::StrCat(superblock.inodes));
  AppendLine(text, "root", absl::StrCat("nid ", superblock.root_nid));
  AppendLine(text, "metadata",
             absl::StrCat("from block ", superblock.meta_block, ", shared xattrs from block ",
                          superblock.xattr_block));
  AppendLine(text, "built", absl::FormatTime(absl::RFC3339_sec, built, absl::UTCTimeZone()));
  AppendLine(text, "uuid", superblock.UuidText());
  if (!superblock.volume_name.empty()) AppendLine(text, "volume", EscapeForTerminal(superblock.volume_name));
  AppendLine(text, "features", absl::StrJoin(CompatFeatureNames(superblock.feature_compat), " "));
  AppendLine(text, "needs", absl::StrJoin(IncompatFeatureNames(superblock.feature_incompat), " "));
  for (size_t i = 0; i < erofs.devices.size(); ++i) {
    AppendLine(text, absl::StrCat("device ", i + 1), ToText(erofs.devices[i], superblock.block_size));
  }
}

}  // namespace

std::string ToText(const PushResult& result) {
  return absl::StrCat(result.reference, "@", result.manifest_digest.ToString(), "\n");
}

void PrintBlob(BlobPush how, uint64_t size, const std::string& label) {
  const char* const word = how == BlobPush::kSent      ? "pushed "
                           : how == BlobPush::kMounted ? "mounted"
                                                       : "present";
  std::fprintf(stderr, "%s  %s  %s\n", word, FormatBytes(size).c_str(), label.c_str());
}

std::string ToText(const IndexResult& result) {
  std::string text;
  AppendLine(text, "image", EscapeForTerminal(result.reference));
  AppendLine(text, "manifest", result.manifest_digest.ToString());
  AppendLine(
      text, "index",
      absl::StrCat(result.artifact_digest.ToString(), result.stored ? "" : "  (not pushed; try --push)"));
  if (!result.bound.empty()) {
    AppendLine(text, "bound", absl::StrCat(result.bound, "@", result.bound_digest.ToString()));
  }
  for (size_t i = 0; i < result.layers.size(); ++i) {
    const LayerSummary& layer = result.layers[i];
    AppendLine(
        text, absl::StrCat("layer ", i + 1),
        absl::StrCat(layer.layer.digest.ToString(), "  ", FormatBytes(layer.layer.size), "  tar ",
                     FormatBytes(layer.tar_size), "  device ", FormatBytes(layer.device_size), "  index ",
                     IndexSize(layer.index, layer.layer), absl::StrFormat("  %.1f s", layer.seconds)));
  }
  return text;
}

std::string ToText(const ImageCheck& check) {
  std::string text;
  AppendLine(text, "image", EscapeForTerminal(check.reference));
  AppendLine(text, "manifest", check.manifest_digest.ToString());
  AppendLine(text, "index", absl::StrCat(check.artifact_digest.ToString(), "  is what the layers say"));
  for (size_t i = 0; i < check.layers.size(); ++i) {
    AppendLine(text, absl::StrCat("layer ", i + 1), ToText(check.layers[i]));
  }
  AppendLine(text, "bootstrap",
             absl::StrCat(FormatBytes(check.bootstrap_size), ", ", check.inodes, " inodes"));
  return text;
}

std::string ToText(const TreeReport& report) {
  const ErofsSummary& tree = report.tree;
  std::string text;
  AppendLine(text, "image", EscapeForTerminal(report.source));
  if (!report.folder.empty()) AppendLine(text, "folder", report.folder);
  AppendLine(text, "inodes", absl::StrCat(tree.inodes, ", ", tree.names, " names, ", tree.xattrs, " xattrs"));
  AppendLine(text, "files",
             absl::StrCat(tree.regular_files, ", ", FormatBytes(tree.file_bytes), " of which ",
                          FormatBytes(tree.hole_bytes), " are holes"));
  AppendLine(text, "others",
             absl::StrCat(tree.directories, " directories, ", tree.symlinks, " symlinks, ", tree.devices,
                          " devices, ", tree.fifos, " fifos, ", tree.sockets, " sockets"));
  return text;
}

std::string ToText(const Inspection& inspection) {
  std::string text;
  if (inspection.reference.empty()) {
    AppendLine(text, "file", inspection.file);
    AppendLine(text, "size", FormatBytes(inspection.file_size));
  } else {
    AppendLine(text, "reference", inspection.reference);
    AppendLine(text, "manifest",
               absl::StrCat(inspection.manifest_digest.ToString(), "  ",
                            EscapeForTerminal(inspection.manifest.media_type)));
    AppendLine(text, "config", ToText(inspection.manifest.config));
    for (size_t i = 0; i < inspection.manifest.layers.size(); ++i) {
      AppendLine(text, absl::StrCat("layer ", i + 1), ToText(inspection.manifest.layers[i]));
    }
  }
  for (const Descriptor& referrer : inspection.referrers.value_or(std::vector<Descriptor>())) {
    AppendLine(text, "referrer",
               absl::StrCat(referrer.digest.ToString(), "  ", FormatBytes(referrer.size), "  ",
                            EscapeForTerminal(referrer.artifact_type)));
  }
  if (inspection.index.has_value()) AppendIndex(text, *inspection.index, inspection.manifest);
  if (inspection.erofs.has_value()) AppendErofs(text, *inspection.erofs);
  return text;
}

}  // namespace lacuna
