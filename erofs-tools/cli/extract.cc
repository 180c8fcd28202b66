#include "erofs-tools/cli/extract.h"

#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/progress_bar.h"
#include "daemon/base/standard_output.h"
#include "daemon/base/status.h"
#include "erofs-tools/cli/assemble_image.h"
#include "erofs-tools/cli/image_files.h"
#include "erofs-tools/cli/image_layers.h"
#include "erofs-tools/cli/image_place.h"
#include "erofs-tools/cli/output.h"
#include "erofs-tools/cli/registry_target.h"
#include "erofs-tools/cli/target_folder.h"
#include "erofs-tools/cli/tree_extractor.h"
#include "erofs-tools/erofs_check.h"

namespace lacuna {
namespace {

absl::Status CheckPrivilege() {
  if (geteuid() == 0) return absl::OkStatus();
  return absl::PermissionDeniedError("owners and devices cannot be restored without root; run it with sudo");
}

// /tmp may be memory.
std::string TemporaryFolder() {
  const char* const chosen = std::getenv("TMPDIR");
  return chosen == nullptr || *chosen == '\0' ? "/var/tmp" : chosen;
}

absl::StatusOr<ImageFiles> OpenImage(const ImageArguments& arguments, Registries& registries) {
  // With devices it can only be a bootstrap.
  if (arguments.files.size() > 1 || IsFile(arguments.object)) return OpenImageFiles(arguments.files);
  ASSIGN_OR_RETURN(const Platform platform, WantedPlatform(arguments));
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageSource> source,
                   OpenImageSource(arguments.object, arguments, registries));
  ASSIGN_OR_RETURN(const ImageLayers image, ReadImageLayers(*source, platform));
  return AssembleImage(*source, image, TemporaryFolder(), !arguments.quiet);
}

absl::StatusOr<ErofsSummary> ExtractImage(const ImageFiles& image, const ImageArguments& arguments) {
  ASSIGN_OR_RETURN(ErofsReader checked, OpenErofs(image));
  ASSIGN_OR_RETURN(ErofsSummary tree, CheckErofs(checked));
  ASSIGN_OR_RETURN(UniqueFd folder, TakeFolder(arguments.folder));
  ASSIGN_OR_RETURN(ErofsReader reader, OpenErofs(image));
  ProgressBar bar("extracting", !arguments.quiet);
  uint64_t done = 0;
  const absl::Status status = ExtractTree(image, reader, std::move(folder), [&](uint64_t bytes) {
    done += bytes;
    bar.Update(done, tree.file_bytes - tree.hole_bytes);
  });
  if (status.ok()) return tree;
  return Annotate(status, absl::StrCat("extracting to ", arguments.folder));
}

}  // namespace

absl::Status Extract(const ImageArguments& arguments, Registries& registries) {
  RETURN_IF_ERROR(CheckPrivilege());
  RETURN_IF_ERROR(CheckNewOrEmpty(arguments.folder));
  ASSIGN_OR_RETURN(const ImageFiles image, OpenImage(arguments, registries));
  TreeReport report{.source = arguments.object, .folder = arguments.folder};
  ASSIGN_OR_RETURN(report.tree, ExtractImage(image, arguments));
  return Print(arguments.json ? ToJson(report) : ToText(report));
}

}  // namespace lacuna
