#include "erofs-tools/cli/arguments.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "daemon/base/exit_code.h"
#include "erofs-tools/cli/copy.h"
#include "registry/registries.h"

namespace lacuna {
namespace {

constexpr char kFooter[] =
    "Exit status: 0 done, 1 failed, 2 usage, 4 not found, 6 authentication, 7 integrity, 8 timeout,\n"
    "130 interrupted.";
constexpr char kCredentials[] =
    "USER[:PASSWORD] for the registry (default: --authfile, which keeps them out of the list of processes)";

CLI::App* AddVerb(CLI::App& app, const char* name, const char* description, ImageVerb verb,
                  ImageArguments& parsed) {
  CLI::App* added = app.add_subcommand(name, description);
  added->fallthrough();  // what is for every verb may also stand behind it
  added->callback([&parsed, verb] { parsed.verb = verb; });
  return added;
}

// CLI11 cannot tell a list of positionals from one that follows it, so they come as one list and are told
// here.
class PushHelp : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: lacuna-image push [OPTIONS] BOOTSTRAP [DEVICE]... REF\n"
           "       lacuna-image push [OPTIONS] oci:DIR[:TAG] REF\n\n"
           "  BOOTSTRAP  an EROFS image as mkfs.erofs made it\n"
           "  DEVICE     its external blobs (mkfs.erofs --blobdev), in the order of its device table\n"
           "  REF        where to, with a tag: registry.example/demo:latest\n";
  }
};

void SplitPushWords(ImageArguments& parsed) {
  if (parsed.files.size() < 2) throw CLI::ArgumentMismatch("push needs BOOTSTRAP and REF");
  parsed.object = std::move(parsed.files.back());
  parsed.files.pop_back();
  if (!IsLayoutName(parsed.files.front())) return;
  if (parsed.files.size() > 1) throw CLI::ArgumentMismatch("push of oci:DIR[:TAG] takes only REF besides");
  if (IsLayoutName(parsed.object))
    throw CLI::ArgumentMismatch("push goes to a registry; copy also to a folder");
  parsed.verb = ImageVerb::kCopy;
  parsed.source = std::move(parsed.files.front());
}

void AddPush(CLI::App& app, ImageArguments& parsed) {
  CLI::App* push =
      AddVerb(app, "push", "push an EROFS image made by mkfs.erofs to a registry", ImageVerb::kPush, parsed);
  push->formatter(std::make_shared<PushHelp>());
  push->add_option("--platform", parsed.platform, "os/arch[/variant] to record (default: this host's)");
  push->add_option("--dest-creds", parsed.dest_credentials, kCredentials);
  push->add_flag("-q,--quiet", parsed.quiet, "no progress; only the pushed reference");
  push->add_option("WORDS", parsed.files)->group("");  // PushHelp has them
}

void AddCopy(CLI::App& app, ImageArguments& parsed) {
  CLI::App* copy = AddVerb(app, "copy", "copy an image between registries and OCI image layouts",
                           ImageVerb::kCopy, parsed);
  copy->add_option("--platform", parsed.platform, "os/arch[/variant]: of an index only that image");
  copy->add_option("--src-creds", parsed.source_credentials, kCredentials);
  copy->add_option("--dest-creds", parsed.dest_credentials, kCredentials);
  copy->add_flag("-q,--quiet", parsed.quiet, "no progress; only what the copy is called");
  copy->add_option("SRC", parsed.source, "oci:DIR[:TAG] or a reference; docker://REF is the latter")
      ->required();
  copy->add_option("DST", parsed.object, "the same; a folder is made if it is not there")->required();
}

void AddInspect(CLI::App& app, ImageArguments& parsed) {
  CLI::App* inspect =
      AddVerb(app, "inspect", "show an EROFS file, or an image in a registry", ImageVerb::kInspect, parsed);
  inspect->add_option("--platform", parsed.platform, "os/arch[/variant] to choose (default: this host's)");
  inspect->add_option("--src-creds", parsed.source_credentials, kCredentials);
  inspect
      ->add_option("ARG", parsed.object,
                   "a file if there is one of that name, else a reference; docker://REF is one always")
      ->required();
}

}  // namespace

std::variant<ImageArguments, int> ParseImageArguments(int argc, char** argv) {
  ImageArguments parsed;
  std::string output = "table";
  parsed.certs_dirs = kDefaultCertsDirs;
  CLI::App app("Looks into EROFS images, pushes them to registries, and copies images.", "lacuna-image");
  app.set_version_flag("--version", "lacuna-image " LACUNA_VERSION);
  app.add_option("-o,--output", output, "table or json")
      ->take_last()
      ->check(CLI::IsMember({"table", "json"}));
  app.add_flag("--tls-verify", parsed.tls_verify,
               "=false: plain HTTP, without TLS (always so for a registry on this host's loopback)");
  app.add_option("--authfile", parsed.auth_file,
                 "credentials as docker and podman keep them (default: where those do)");
  app.add_option("--cert-dir", parsed.certs_dirs,
                 "DIR[:DIR]... with what is to be known of registries, as containerd's certs.d")
      ->capture_default_str();
  app.require_subcommand(1)->footer(kFooter);
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return absl::StrCat("lacuna-image: ", error.what(), "; try lacuna-image --help\n");
  });
  AddPush(app, parsed);
  AddCopy(app, parsed);
  AddInspect(app, parsed);
  try {
    app.parse(argc, argv);
    if (parsed.verb == ImageVerb::kPush) SplitPushWords(parsed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  parsed.json = output == "json";
  return parsed;
}

}  // namespace lacuna
