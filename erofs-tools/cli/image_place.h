// Where an image on the command line is: a file, "oci:DIR[:TAG]", or a reference, with or without
// "docker://".
//
// Callers: the verbs, on the main thread.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "erofs-tools/cli/arguments.h"
#include "registry/image_store.h"
#include "registry/registries.h"

namespace lacuna {

// Whether `text` names a file: what is there under that name, and a path also when nothing is, because "./x"
// must not be looked for in a registry.
bool IsFile(const std::string& text);
// Whether `text` names an OCI image layout.
bool IsLayoutName(const std::string& text);

absl::StatusOr<std::unique_ptr<ImageSource>> OpenImageSource(const std::string& text,
                                                             const ImageArguments& arguments,
                                                             Registries& registries);

struct NamedTarget {
  std::string name;  // as it is printed
  std::unique_ptr<ImageTarget> store;
};

// A folder is made if it is not there.
absl::StatusOr<NamedTarget> OpenImageTarget(const std::string& text, const ImageArguments& arguments,
                                            Registries& registries);

// The repository or folder that the image is in; its root is called `tag` there.
absl::StatusOr<NamedTarget> OpenBeside(const std::string& text, const std::string& tag,
                                       const ImageArguments& arguments, Registries& registries);

}  // namespace lacuna
