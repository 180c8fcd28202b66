#include "erofs-tools/cli/arguments.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "daemon/base/exit_code.h"
#include "erofs-tools/cli/image_place.h"
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

constexpr char kPushUsage[] =
    "Usage: lacuna-image push [OPTIONS] BOOTSTRAP [DEVICE]... REF\n"
    "       lacuna-image push [OPTIONS] oci:DIR[:TAG] REF\n\n"
    "  BOOTSTRAP  an EROFS image as mkfs.erofs made it\n"
    "  DEVICE     its external blobs (mkfs.erofs --blobdev), in the order of its device table\n"
    "  REF        where to, with a tag: registry.example/demo:latest\n";
constexpr char kCheckUsage[] =
    "Usage: lacuna-image check [OPTIONS] REF | oci:DIR[:TAG]\n"
    "       lacuna-image check [OPTIONS] BOOTSTRAP [DEVICE]...\n\n"
    "  REF        an image with an index: whether that says what the layers do; reads them once\n"
    "  BOOTSTRAP  an EROFS image, if there is a file of that name: whether its metadata is sound\n"
    "  DEVICE     its external blobs (mkfs.erofs --blobdev), in the order of its device table\n";
constexpr char kExtractUsage[] =
    "Usage: lacuna-image extract [OPTIONS] REF | oci:DIR[:TAG] DIR\n"
    "       lacuna-image extract [OPTIONS] BOOTSTRAP [DEVICE]... DIR\n\n"
    "  REF        an image whose layers are tars; they are kept in TMPDIR, or else /var/tmp, meanwhile\n"
    "  BOOTSTRAP  an EROFS image, if there is a file of that name\n"
    "  DEVICE     its external blobs (mkfs.erofs --blobdev), in the order of its device table\n"
    "  DIR        where to: a folder that is new or empty\n\n"
    "Needs root: owners and devices cannot be restored without.\n";

// CLI11 cannot tell a list of positionals from one that follows it, so they come as one list and are told
// here.
class UsageOf : public CLI::Formatter {
 public:
  explicit UsageOf(const char* text) : text_(text) {}
  std::string make_usage(const CLI::App*, std::string) const override { return text_; }

 private:
  const char* const text_;
};

void AddWords(CLI::App* verb, const char* usage, ImageArguments& parsed) {
  verb->formatter(std::make_shared<UsageOf>(usage));
  verb->add_option("WORDS", parsed.files)->group("");  // the usage has them
}

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

void SplitExtractWords(ImageArguments& parsed) {
  if (parsed.files.size() < 2) throw CLI::ArgumentMismatch("extract needs an image and DIR");
  parsed.folder = std::move(parsed.files.back());
  parsed.files.pop_back();
  parsed.object = parsed.files.front();
}

void NameChecked(ImageArguments& parsed) {
  if (parsed.files.empty()) throw CLI::ArgumentMismatch("check needs an image");
  parsed.object = parsed.files.front();
}

void AddPush(CLI::App& app, ImageArguments& parsed) {
  CLI::App* push =
      AddVerb(app, "push", "push an EROFS image made by mkfs.erofs to a registry", ImageVerb::kPush, parsed);
  push->add_option("--platform", parsed.platform, "os/arch[/variant] to record (default: this host's)");
  push->add_option("--dest-creds", parsed.dest_credentials, kCredentials);
  push->add_flag("-q,--quiet", parsed.quiet, "no progress; only the pushed reference");
  AddWords(push, kPushUsage, parsed);
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

void AddIndex(CLI::App& app, ImageArguments& parsed) {
  CLI::App* index =
      AddVerb(app, "index",
              "make an image lazily readable: reads its layers once and puts their index beside it. In "
              "a folder always; in a registry with --push or --bind, otherwise it is measured only",
              ImageVerb::kIndex, parsed);
  index->add_flag("--push", parsed.push, "push the index to the image's repository, where lacunad finds it");
  index->add_option(
      "--bind", parsed.bind,
      "besides, tag an image index TAG that lists the image and its index: one digest names both");
  index->add_option("--platform", parsed.platform, "os/arch[/variant] to choose (default: this host's)");
  index->add_option("--src-creds", parsed.source_credentials, kCredentials);
  index->add_option("--dest-creds", parsed.dest_credentials,
                    "USER[:PASSWORD] to push with (default: --src-creds)");
  index->add_flag("-q,--quiet", parsed.quiet, "no progress");
  index->add_option("ARG", parsed.object, "oci:DIR[:TAG] or a reference; docker://REF is the latter")
      ->required();
}

void AddCheck(CLI::App& app, ImageArguments& parsed) {
  CLI::App* check =
      AddVerb(app, "check", "whether an image's index says what its layers do, or an EROFS file is sound",
              ImageVerb::kCheck, parsed);
  check->add_option("--platform", parsed.platform, "os/arch[/variant] to choose (default: this host's)");
  check->add_option("--src-creds", parsed.source_credentials, kCredentials);
  check->add_flag("-q,--quiet", parsed.quiet, "no progress");
  AddWords(check, kCheckUsage, parsed);
}

void AddExtract(CLI::App& app, ImageArguments& parsed) {
  CLI::App* extract =
      AddVerb(app, "extract", "write what an image holds into a folder", ImageVerb::kExtract, parsed);
  extract->add_option("--platform", parsed.platform, "os/arch[/variant] to choose (default: this host's)");
  extract->add_option("--src-creds", parsed.source_credentials, kCredentials);
  extract->add_flag("-q,--quiet", parsed.quiet, "no progress");
  AddWords(extract, kExtractUsage, parsed);
}

}  // namespace

std::variant<ImageArguments, int> ParseImageArguments(int argc, char** argv) {
  ImageArguments parsed;
  std::string output = "table";
  parsed.certs_dirs = kDefaultCertsDirs;
  CLI::App app("Makes images lazily readable; looks into them, pushes, copies and extracts them.",
               "lacuna-image");
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
  AddIndex(app, parsed);
  AddCheck(app, parsed);
  AddExtract(app, parsed);
  try {
    app.parse(argc, argv);
    if (parsed.verb == ImageVerb::kPush) SplitPushWords(parsed);
    if (parsed.verb == ImageVerb::kCheck) NameChecked(parsed);
    if (parsed.verb == ImageVerb::kExtract) SplitExtractWords(parsed);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  parsed.json = output == "json";
  return parsed;
}

}  // namespace lacuna
