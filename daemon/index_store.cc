#include "daemon/index_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "erofs-tools/layer/layer_contents.h"
#include "registry/pending_file.h"
#include "registry/upload_body.h"

namespace lacuna {
namespace {

absl::StatusOr<std::string> ReadAll(const std::string& path) {
  ASSIGN_OR_RETURN(const std::shared_ptr<FileBody> file, FileBody::Open(path));
  if (file->size() > kMaxIndexBytes) return absl::InvalidArgumentError(absl::StrCat(path, " is too large"));
  std::string bytes(file->size(), '\0');
  ASSIGN_OR_RETURN(const size_t got, file->ReadAt(0, absl::MakeSpan(bytes)));
  bytes.resize(got);
  return bytes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<IndexStore>> IndexStore::Open(const std::string& root) {
  std::string folder = root + "/indexes";
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return ErrnoStatus(errno, folder);
  return std::unique_ptr<IndexStore>(new IndexStore(std::move(folder)));
}

std::string IndexStore::PathOf(const Digest& digest) const {
  return absl::StrCat(folder_, "/", digest.hex());
}

absl::StatusOr<StoredIndex> IndexStore::Load(const Digest& digest) const {
  const std::string path = PathOf(digest);
  ASSIGN_OR_RETURN(const std::string bytes, ReadAll(path));
  if (Digest::Of(bytes) != digest) {
    LogWarning(path, " is damaged: removed");
    unlink(path.c_str());
    return absl::NotFoundError(absl::StrCat(path, " is damaged"));
  }
  ASSIGN_OR_RETURN(LayerIndex index, ParseLayerIndex(bytes));
  return StoredIndex{std::make_shared<const LayerIndex>(std::move(index)), digest};
}

absl::StatusOr<StoredIndex> IndexStore::Keep(absl::string_view bytes) const {
  ASSIGN_OR_RETURN(LayerIndex index, ParseLayerIndex(bytes));
  RETURN_IF_ERROR(ReadLayerContents(index).status());
  StoredIndex stored{std::make_shared<const LayerIndex>(std::move(index)), Digest::Of(bytes)};
  ASSIGN_OR_RETURN(PendingFile file, PendingFile::In(folder_));
  RETURN_IF_ERROR(file.Write(bytes));
  RETURN_IF_ERROR(file.Commit(PathOf(stored.digest)));
  return stored;
}

}  // namespace lacuna
