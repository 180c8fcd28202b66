// The command line of lacuna-image as plain values. Only arguments.cc knows CLI11.
//
// Used once, by main.
#pragma once

#include <string>
#include <variant>
#include <vector>

namespace lacuna {

enum class ImageVerb { kPush, kCopy, kInspect };

struct ImageArguments {
  ImageVerb verb = ImageVerb::kPush;
  std::string object;  // where to push or copy to; the file or reference to inspect

  // For every verb.
  bool json = false;
  std::string platform;  // "os/arch[/variant]"; empty: this host's, of a copy all there are
  std::string source_credentials, dest_credentials;  // "USER[:PASSWORD]"; empty: what is on disk
  std::string auth_file;                             // empty: where docker and podman have it
  std::string certs_dirs;                            // "DIR:DIR"
  bool tls_verify = true;

  std::string source;              // copy: where from
  std::vector<std::string> files;  // push: the bootstrap, then its devices in the order of its table
  bool quiet = false;              // push and copy
};

// The arguments, or the exit code of a command line that already said all (--help, --version, a usage error).
std::variant<ImageArguments, int> ParseImageArguments(int argc, char** argv);

}  // namespace lacuna
