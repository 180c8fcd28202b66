#include "erofs-tools/cli/assemble_image.h"

#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/byte_range.h"
#include "daemon/base/status.h"
#include "daemon/base/unique_fd.h"
#include "erofs-tools/cli/layer_pass.h"
#include "erofs-tools/cli/merged_bootstrap.h"
#include "erofs-tools/cli/write_at.h"
#include "registry/pending_file.h"

namespace lacuna {
namespace {

absl::StatusOr<UniqueFd> UnnamedFile(const std::string& folder) {
  ASSIGN_OR_RETURN(PendingFile file, PendingFile::In(folder));
  return file.Release();
}

absl::StatusOr<ImageFile> AsImageFile(UniqueFd file, const std::string& name) {
  ASSIGN_OR_RETURN(std::shared_ptr<FileBody> body, FileBody::Of(std::move(file), name));
  return ImageFile{name, std::move(body)};
}

// The devices of image.blobs, each written by one thread.
class Devices {
 public:
  explicit Devices(std::string folder) : folder_(std::move(folder)) {}

  absl::Status Open(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      ASSIGN_OR_RETURN(UniqueFd file, UnnamedFile(folder_));
      files_.push_back(std::move(file));
    }
    return absl::OkStatus();
  }

  // What is not written is zeros.
  absl::Status Write(size_t number, uint64_t chunk, absl::Span<const char> bytes) {
    const absl::Status status = WriteAt(files_[number].get(), chunk * kChunkSize, bytes);
    if (!absl::IsResourceExhausted(status)) return Annotate(status, folder_);
    return absl::ResourceExhaustedError(
        absl::StrCat(folder_, ": ", status.message(), "; set TMPDIR to a folder with more room"));
  }
  absl::Status Complete(size_t number, uint64_t size) {
    if (ftruncate(files_[number].get(), static_cast<off_t>(size)) == 0) return absl::OkStatus();
    return ErrnoStatus(errno, folder_);
  }

  UniqueFd Take(size_t number) { return std::move(files_[number]); }

 private:
  const std::string folder_;
  std::vector<UniqueFd> files_;
};

}  // namespace

absl::StatusOr<ImageFiles> AssembleImage(ImageSource& source, const ImageLayers& image,
                                         const std::string& folder, bool show_progress) {
  Devices files(folder);
  RETURN_IF_ERROR(files.Open(image.blobs.size()));
  std::vector<FileTree> trees(image.blobs.size());  // each is one thread's
  std::vector<ErofsDevice> devices(image.blobs.size());
  const auto on_layer = [&](size_t blob, IndexedLayer layer) {
    const uint64_t size = layer.index.chunks.device_size();
    devices[blob] = {.tag = layer.index.diff_id.hex(), .size = size};
    trees[blob] = std::move(layer.tree);
    return files.Complete(blob, size);
  };
  const auto on_chunk = [&](size_t blob, uint64_t chunk, absl::Span<const char> bytes) {
    return files.Write(blob, chunk, bytes);
  };
  RETURN_IF_ERROR(IndexLayers(source, image, show_progress, on_layer, on_chunk));
  ASSIGN_OR_RETURN(const std::string bootstrap, MergedBootstrap(image, trees, devices));
  ASSIGN_OR_RETURN(UniqueFd file, UnnamedFile(folder));
  RETURN_IF_ERROR(WriteAt(file.get(), 0, bootstrap));
  ImageFiles result;
  ASSIGN_OR_RETURN(result.bootstrap, AsImageFile(std::move(file), "the bootstrap of all layers"));
  ASSIGN_OR_RETURN(result.metadata, ReadErofsFile(result.bootstrap));
  for (size_t i = 0; i < image.blobs.size(); ++i) {
    ASSIGN_OR_RETURN(ImageFile device, AsImageFile(files.Take(i), image.blobs[i].Name()));
    result.devices.push_back(std::move(device));
  }
  return result;
}

}  // namespace lacuna
