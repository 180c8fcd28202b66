// The command line of lacuna-image as plain values. Only arguments.cc knows CLI11.
//
// Used once, by main.
#pragma once

#include <string>
#include <variant>
#include <vector>

namespace lacuna {

enum class ImageVerb { kPush, kInspect };

struct ImageArguments {
  ImageVerb verb = ImageVerb::kPush;
  std::string object;  // the reference to push to; the file or reference to inspect

  // For every verb.
  bool json = false;
  std::string platform;     // "os/arch[/variant]"; empty: this host's
  std::string credentials;  // "USER[:PASSWORD]"; empty: anonymous
  bool tls_verify = true;

  // push
  std::vector<std::string> files;  // the bootstrap, then its devices in the order of its table
  bool quiet = false;
};

// The arguments, or the exit code of a command line that already said all (--help, --version, a usage error).
std::variant<ImageArguments, int> ParseImageArguments(int argc, char** argv);

}  // namespace lacuna
