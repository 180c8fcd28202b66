// The command line of lacuna-image as plain values. Only arguments.cc knows CLI11.
//
// Used once, by main.
#pragma once

#include <string>
#include <variant>
#include <vector>

namespace lacuna {

enum class ImageVerb { kPush, kCopy, kInspect, kIndex, kCheck, kExtract };

struct ImageArguments {
  ImageVerb verb = ImageVerb::kPush;
  std::string object;  // where to push or copy to; the file, folder or reference to work on

  // For every verb.
  bool json = false;
  std::string platform;  // "os/arch[/variant]"; empty: this host's, of a copy all there are
  std::string source_credentials, dest_credentials;  // "USER[:PASSWORD]"; empty: what is on disk
  std::string auth_file;                             // empty: where docker and podman have it
  std::string certs_dirs;                            // "DIR:DIR"
  bool tls_verify = true;

  std::string source;  // copy: where from
  std::vector<std::string>
      files;           // push, check, extract: the bootstrap, then its devices in the order of its table
  std::string folder;  // extract: where to
  bool quiet = false;  // push, copy, index, check and extract
  bool push = false;   // index: to the image's registry
  std::string bind;    // index: the tag of what binds it; empty: none
};

// The arguments, or the exit code of a command line that already said all (--help, --version, a usage error).
std::variant<ImageArguments, int> ParseImageArguments(int argc, char** argv);

}  // namespace lacuna
