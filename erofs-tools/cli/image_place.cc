#include "erofs-tools/cli/image_place.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/base/status.h"
#include "erofs-tools/cli/registry_target.h"
#include "registry/layout_image.h"
#include "registry/remote_image.h"

namespace lacuna {
namespace {

constexpr char kLayoutPrefix[] = "oci:";

absl::StatusOr<LayoutName> LayoutNameOf(const std::string& text) {
  return ParseLayoutName(absl::StripPrefix(text, kLayoutPrefix));
}

}  // namespace

bool IsFile(const std::string& text) {
  struct stat info = {};
  return absl::StartsWith(text, "/") || absl::StartsWith(text, "./") || absl::StartsWith(text, "../") ||
         stat(text.c_str(), &info) == 0;
}

bool IsLayoutName(const std::string& text) {
  return absl::StartsWith(text, kLayoutPrefix);
}

absl::StatusOr<std::unique_ptr<ImageSource>> OpenImageSource(const std::string& text,
                                                             const ImageArguments& arguments,
                                                             Registries& registries) {
  if (!IsLayoutName(text)) {
    ASSIGN_OR_RETURN(RegistryTarget from,
                     FindTarget(text, arguments.source_credentials, arguments, registries));
    return std::make_unique<RemoteImageSource>(std::move(from.repository), from.reference.TagOrDigest(),
                                               registries.counters());
  }
  ASSIGN_OR_RETURN(LayoutName name, LayoutNameOf(text));
  ASSIGN_OR_RETURN(OciLayout layout, OciLayout::Open(name.folder));
  return std::make_unique<LayoutImageSource>(std::move(layout), std::move(name.tag));
}

absl::StatusOr<NamedTarget> OpenImageTarget(const std::string& text, const ImageArguments& arguments,
                                            Registries& registries) {
  if (!IsLayoutName(text)) {
    ASSIGN_OR_RETURN(RegistryTarget to, FindPushTarget(text, arguments, registries));
    return NamedTarget{
        ToString(to.reference),
        std::make_unique<RemoteImageTarget>(std::move(to.repository), to.reference.tag, ImagePusher())};
  }
  ASSIGN_OR_RETURN(LayoutName name, LayoutNameOf(text));
  ASSIGN_OR_RETURN(OciLayout layout, OciLayout::OpenOrMake(name.folder));
  return NamedTarget{text, std::make_unique<LayoutImageTarget>(std::move(layout), std::move(name.tag))};
}

absl::StatusOr<NamedTarget> OpenBeside(const std::string& text, const std::string& tag,
                                       const ImageArguments& arguments, Registries& registries) {
  if (IsLayoutName(text)) {
    ASSIGN_OR_RETURN(const LayoutName name, LayoutNameOf(text));
    ASSIGN_OR_RETURN(OciLayout layout, OciLayout::Open(name.folder));
    return NamedTarget{absl::StrCat(kLayoutPrefix, name.folder, ":", tag),
                       std::make_unique<LayoutImageTarget>(std::move(layout), tag)};
  }
  const std::string& credentials =
      arguments.dest_credentials.empty() ? arguments.source_credentials : arguments.dest_credentials;
  ASSIGN_OR_RETURN(RegistryTarget to, FindTarget(text, credentials, arguments, registries));
  to.reference.tag = tag;
  to.reference.digest = Digest();
  return NamedTarget{ToString(to.reference),
                     std::make_unique<RemoteImageTarget>(std::move(to.repository), tag, ImagePusher())};
}

}  // namespace lacuna
