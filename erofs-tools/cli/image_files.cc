#include "erofs-tools/cli/image_files.h"

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

absl::StatusOr<std::string> ReadRange(HttpBody& body, const ByteRange& range) {
  std::string bytes(range.length, '\0');
  for (uint64_t done = 0; done < range.length;) {
    ASSIGN_OR_RETURN(const size_t got, body.ReadAt(range.offset + done, absl::MakeSpan(bytes).subspan(done)));
    done += got;
  }
  return bytes;
}

absl::Status CheckDeviceCount(const ImageFiles& image, size_t given) {
  const size_t wanted = image.metadata.devices.size();
  if (given == wanted) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the device table of ", image.bootstrap.path, " has ", wanted, wanted == 1 ? " entry" : " entries",
      ", but ", given, given == 1 ? " device file was" : " device files were",
      " given; name the external blobs after the bootstrap, in the order of the table"));
}

// mkfs.erofs 1.5 records no length (0 blocks): then only what is certainly no device is refused.
absl::Status CheckDeviceSize(const ImageFile& device, const DeviceSlot& slot, uint32_t block_size) {
  const uint64_t size = device.body->size();
  if (size % block_size != 0 || size == 0) {
    return absl::InvalidArgumentError(absl::StrCat(device.path, " is no device of this image: its ", size,
                                                   " bytes are not one or more whole blocks of ",
                                                   block_size));
  }
  if (size / block_size >= slot.blocks) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      device.path, " is too short: ", size, " bytes, but the device table says ", slot.blocks, " blocks of ",
      block_size, "; it may be another image's, or the order of the devices is wrong"));
}

}  // namespace

absl::StatusOr<ImageFile> OpenImageFile(const std::string& path) {
  ASSIGN_OR_RETURN(std::shared_ptr<FileBody> body, FileBody::Open(path));
  return ImageFile{path, std::move(body)};
}

absl::StatusOr<ErofsMetadata> ReadErofsFile(const ImageFile& file) {
  absl::StatusOr<ErofsMetadata> metadata = ReadErofsMetadata(
      file.body->size(), [&](const ByteRange& range) { return ReadRange(*file.body, range); });
  if (metadata.ok()) return metadata;
  return Annotate(metadata.status(), file.path);
}

absl::StatusOr<ImageFiles> OpenImageFiles(const std::vector<std::string>& paths) {
  ImageFiles image;
  ASSIGN_OR_RETURN(image.bootstrap, OpenImageFile(paths.front()));
  ASSIGN_OR_RETURN(image.metadata, ReadErofsFile(image.bootstrap));
  RETURN_IF_ERROR(CheckDeviceCount(image, paths.size() - 1));
  for (size_t i = 1; i < paths.size(); ++i) {
    ASSIGN_OR_RETURN(ImageFile device, OpenImageFile(paths[i]));
    RETURN_IF_ERROR(
        CheckDeviceSize(device, image.metadata.devices[i - 1], image.metadata.superblock.block_size));
    image.devices.push_back(std::move(device));
  }
  return image;
}

absl::StatusOr<ErofsReader> OpenErofs(const ImageFiles& image) {
  std::vector<uint64_t> sizes;
  sizes.reserve(image.devices.size());
  for (const ImageFile& device : image.devices) sizes.push_back(device.body->size());
  const std::shared_ptr<FileBody> body = image.bootstrap.body;
  const auto read = [body](const ByteRange& range) { return ReadRange(*body, range); };
  return ErofsReader::Open(body->size(), read, sizes);
}

}  // namespace lacuna
