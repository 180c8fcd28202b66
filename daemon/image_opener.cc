#include "daemon/image_opener.h"

#include <ctime>
#include <future>
#include <memory>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/erofs_layers.h"
#include "erofs-tools/erofs_metadata.h"
#include "registry/platform.h"
#include "registry/reference.h"

namespace lacuna {
namespace {

// A bootstrap up to this size is brought whole and checked against its digest before the kernel sees a byte
// of it, and the kernel then reads the metadata from the local file. It is a round trip or two; larger ones
// are read on demand.
constexpr uint64_t kWholeBootstrapBytes = 4 * 1024 * 1024;

absl::StatusOr<Platform> PlatformOf(const MountOptions& options) {
  if (options.platform.empty()) return HostPlatform();
  return ParsePlatform(options.platform);
}

// Waits until the object is complete and its digest checked. A fetch fails within the transport's time-outs.
absl::Status BringWhole(BlobCache& object) {
  const auto ended = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> end = ended->get_future();
  object.Prefetch({0, object.size()}, Priority::kDemand, [&object, ended](const absl::Status& status) {
    if (!status.ok()) return ended->set_value(status);
    object.WhenFinished([ended](const absl::Status& finished) { ended->set_value(finished); });
  });
  return end.get();
}

absl::StatusOr<std::string> Read(BlobCache& object, const ByteRange& range) {
  std::string bytes(range.length, '\0');
  if (!range.empty()) RETURN_IF_ERROR(object.ReadThrough(range.offset, absl::MakeSpan(bytes)));
  return bytes;
}

}  // namespace

ImageOpener::ImageOpener(Registries& registries, RegistryClient& client, ObjectTable& objects, CacheDb& db,
                         const OnDemandDoor& door, PlainHttp plain_http)
    : registries_(registries),
      client_(client),
      objects_(objects),
      db_(db),
      door_(door),
      plain_http_(std::move(plain_http)) {}

absl::StatusOr<OpenImage> ImageOpener::Open(const MountOptions& options) {
  ASSIGN_OR_RETURN(const Reference reference, ParseReference(options.reference));
  absl::StatusOr<OpenImage> image = Open(reference, options);
  if (!absl::IsUnauthenticated(image.status())) return image;
  return absl::UnauthenticatedError(
      absl::StrCat(image.status().message(), "; mount with --creds USER[:PASSWORD], or log in: docker login ",
                   reference.host));
}

absl::StatusOr<OpenImage> ImageOpener::Open(const Reference& reference, const MountOptions& options) {
  ASSIGN_OR_RETURN(const Platform platform, PlatformOf(options));
  const bool plain_http = options.plain_http || plain_http_(reference.host);
  ASSIGN_OR_RETURN(const Repository repository, RepositoryOf(reference, plain_http, options.credentials));
  ASSIGN_OR_RETURN(const ResolvedImage resolved, client_.Resolve(repository, reference, platform));
  ASSIGN_OR_RETURN(const ErofsLayers layers, FindErofsLayers(resolved.manifest));

  ImageRecord record{.reference = ToString(reference),
                     .manifest_digest = resolved.manifest_digest,
                     .platform = options.platform,
                     .plain_http = plain_http,
                     .last_used_unix_seconds = static_cast<int64_t>(std::time(nullptr))};
  record.objects.push_back({layers.bootstrap.digest, layers.bootstrap.size});
  for (const Descriptor& device : layers.devices) record.objects.push_back({device.digest, device.size});
  ASSIGN_OR_RETURN(OpenImage image, OpenObjects(record, repository));
  RETURN_IF_ERROR(Check(image));
  RETURN_IF_ERROR(db_.RecordImage(record));
  return image;
}

absl::StatusOr<OpenImage> ImageOpener::OpenKnown(const ImageRecord& record) {
  ASSIGN_OR_RETURN(const Reference reference, ParseReference(record.reference));
  ASSIGN_OR_RETURN(const Repository repository,
                   RepositoryOf(reference, record.plain_http, /*credentials=*/""));
  return OpenObjects(record, repository);
}

absl::StatusOr<OpenImage> ImageOpener::OpenRecorded(const FileSystemRecord& record) {
  return OpenKnown({.reference = record.reference,
                    .manifest_digest = record.manifest_digest,
                    .plain_http = record.plain_http,
                    .objects = record.objects});
}

absl::StatusOr<Repository> ImageOpener::RepositoryOf(const Reference& reference, bool plain_http,
                                                     const std::string& credentials) const {
  ASSIGN_OR_RETURN(std::shared_ptr<Registry> registry,
                   registries_.Get(reference.host, plain_http, credentials));
  return Repository{std::move(registry), reference.repository};
}

absl::StatusOr<OpenImage> ImageOpener::OpenObjects(const ImageRecord& record, const Repository& repository) {
  OpenImage image{.reference = record.reference,
                  .manifest_digest = record.manifest_digest,
                  .plain_http = record.plain_http};
  for (size_t i = 0; i < record.objects.size(); ++i) {
    const ObjectRecord& blob = record.objects[i];
    ASSIGN_OR_RETURN(image.objects.emplace_back(),
                     objects_.Acquire({repository, blob.digest, blob.size}, PlacementOf(record, i)));
  }
  return image;
}

Placement ImageOpener::PlacementOf(const ImageRecord& record, size_t object) const {
  const bool small_bootstrap = object == 0 && record.objects[object].size <= kWholeBootstrapBytes;
  return door_.keeps_objects() && !small_bootstrap ? Placement::kKernel : Placement::kStore;
}

absl::Status ImageOpener::CheckServable(const Superblock& superblock) const {
  if (!door_.keeps_objects() || !superblock.HasCompressedData()) return absl::OkStatus();
  return absl::UnimplementedError(
      "its data is compressed, and kernels may hang or crash on that over /dev/cachefiles (a compressed "
      "extent of which only a part is here); set door.kind = \"fuse\", or build the image without "
      "compression");
}

bool ImageOpener::CheckedBefore(const OpenImage& image) const {
  const BlobCache& bootstrap = *image.objects.front();
  if (!bootstrap.kept_by_kernel() || door_.KeptBytes(bootstrap.key()) == 0) return false;
  const absl::StatusOr<std::vector<ImageRecord>> records = db_.Images();
  const auto same = [](const ObjectRecord& record, const std::shared_ptr<BlobCache>& object) {
    return record.digest == object->blob().digest;
  };
  return records.ok() && absl::c_any_of(*records, [&](const ImageRecord& record) {
           return absl::c_equal(record.objects, image.objects, same);
         });
}

absl::Status ImageOpener::Check(const OpenImage& image) const {
  BlobCache& bootstrap = *image.objects.front();
  if (bootstrap.open_in_kernel() || CheckedBefore(image)) return absl::OkStatus();
  if (bootstrap.blob().size <= kWholeBootstrapBytes) RETURN_IF_ERROR(BringWhole(bootstrap));
  const absl::StatusOr<ErofsMetadata> metadata = ReadErofsMetadata(
      bootstrap.blob().size, [&](const ByteRange& range) { return Read(bootstrap, range); });
  if (!metadata.ok()) {
    return Annotate(metadata.status(), absl::StrCat("bootstrap ", bootstrap.blob().digest.ToString()));
  }
  RETURN_IF_ERROR(CheckServable(metadata->superblock));
  const size_t devices = image.objects.size() - 1;
  if (metadata->devices.size() != devices) {
    return absl::InvalidArgumentError(absl::StrCat("the bootstrap's device table has ",
                                                   metadata->devices.size(), " devices and the image ",
                                                   devices, "; push the bootstrap with each of its blobs"));
  }
  for (size_t i = 0; i < devices; ++i) {
    const uint64_t size = image.objects[i + 1]->size();
    const uint64_t needed = metadata->devices[i].blocks * metadata->superblock.block_size;
    if (needed <= size) continue;
    return absl::InvalidArgumentError(absl::StrCat("device ", i + 1, " has ", size,
                                                   " bytes and the bootstrap needs ", needed,
                                                   "; it is cut short, or another image's"));
  }
  return absl::OkStatus();
}

}  // namespace lacuna
