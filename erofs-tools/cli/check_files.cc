#include "erofs-tools/cli/check_files.h"

#include "daemon/base/standard_output.h"
#include "daemon/base/status.h"
#include "erofs-tools/cli/image_files.h"
#include "erofs-tools/cli/output.h"
#include "erofs-tools/erofs_check.h"

namespace lacuna {

absl::Status CheckFiles(const ImageArguments& arguments) {
  ASSIGN_OR_RETURN(const ImageFiles image, OpenImageFiles(arguments.files));
  ASSIGN_OR_RETURN(ErofsReader reader, OpenErofs(image));
  TreeReport report{.source = arguments.object};
  ASSIGN_OR_RETURN(report.tree, CheckErofs(reader));
  return Print(arguments.json ? ToJson(report) : ToText(report));
}

}  // namespace lacuna
