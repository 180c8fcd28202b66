// An EROFS image as files: a bootstrap and the devices that its table names.
//
// Callers: the verbs, on the main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "erofs-tools/erofs_reader.h"
#include "registry/upload_body.h"

namespace lacuna {

struct ImageFile {
  std::string path;
  std::shared_ptr<FileBody> body;
};

struct ImageFiles {
  ImageFile bootstrap;
  ErofsMetadata metadata;
  std::vector<ImageFile> devices;  // in the order of the device table
};

// Superblock and device table of an open file; errors begin with its path.
absl::StatusOr<ErofsMetadata> ReadErofsFile(const ImageFile& file);
absl::StatusOr<ImageFile> OpenImageFile(const std::string& path);

// `paths` are the bootstrap and then its devices. InvalidArgument unless there are as many as the table has
// and each is as long as its entry says.
absl::StatusOr<ImageFiles> OpenImageFiles(const std::vector<std::string>& paths);
// Errors as ErofsReader::Open. May be used longer than `image`.
absl::StatusOr<ErofsReader> OpenErofs(const ImageFiles& image);

}  // namespace lacuna
