#include "daemon/cli/arguments.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "daemon/base/duration.h"

namespace lacuna {
namespace {

constexpr int kUsage = 2;
constexpr std::chrono::seconds kDefaultTimeout(30);
// Layers without an index are brought whole.
constexpr std::chrono::minutes kDefaultMountTimeout(10);

constexpr char kFooter[] =
    "Exit status: 0 done, 1 failed, 2 usage, 3 lacunad unreachable, 4 not found, 5 busy,\n"
    "6 authentication, 7 integrity, 8 timeout, 130 interrupted.\n"
    "Of doctor: 0 usable, 1 degraded, 2 unusable.";

std::string CheckTimeout(const std::string& text) {
  const absl::StatusOr<Duration> timeout = ParseDuration(text);
  if (!timeout.ok()) return std::string(timeout.status().message());
  return *timeout > Duration::zero() ? "" : "it must be more than zero";
}

// "10m" before now, or a time as RFC 3339 has it; nothing for neither.
std::optional<absl::Time> ParseSince(const std::string& text) {
  absl::Time time;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, nullptr)) return time;
  const absl::StatusOr<Duration> ago = ParseDuration(text);
  if (!ago.ok()) return std::nullopt;
  return absl::Now() - absl::FromChrono(*ago);
}

std::string CheckSince(const std::string& text) {
  return ParseSince(text).has_value()
             ? ""
             : "write a duration, such as 10m, or a time, such as 2026-01-31T12:00:00Z";
}

// What can be no reference at all: the daemon judges the rest.
std::string CheckReference(const std::string& text) {
  if (text.empty()) return "it is empty";
  for (const char c : text) {
    if (c <= ' ' || c > '~') return "a reference has no spaces, control characters or letters beyond ASCII";
  }
  return "";
}

// A verb that, when it is found on the command line, becomes `parsed.verb`.
CLI::App* AddVerb(CLI::App& parent, const char* name, const char* description, Verb verb, Arguments& parsed) {
  CLI::App* added = parent.add_subcommand(name, description);
  added->fallthrough();  // what is for every verb may also stand behind it
  added->callback([&parsed, verb] { parsed.verb = verb; });
  return added;
}

void AddReference(CLI::App& verb, Arguments& parsed) {
  verb.add_option("REF", parsed.reference, "image, e.g. registry.example/demo:latest")
      ->required()
      ->check(CheckReference);
}

void AddMountVerbs(CLI::App& app, Arguments& parsed) {
  CLI::App* mount = AddVerb(app, "mount", "mount an image at a directory", Verb::kMount, parsed);
  mount->add_option("--platform", parsed.platform, "os/arch[/variant] to choose (default: this host's)");
  mount->add_flag("--plain-http", parsed.plain_http, "speak HTTP without TLS to the registry");
  mount->add_flag("--no-index", parsed.no_index,
                  "use no index from the registry: layers that are not here are brought whole");
  mount->add_option("--creds", parsed.credentials,
                    "USER[:PASSWORD] for the registry; docker login keeps them out of the list of processes");
  AddReference(*mount, parsed);
  mount->add_option("DIR", parsed.directory, "an existing directory")->required();

  CLI::App* umount = AddVerb(app, "umount", "unmount a directory, or all", Verb::kUmount, parsed);
  umount->add_flag("-l,--lazy", parsed.lazy, "detach now, even while files are open");
  CLI::Option* all = umount->add_flag("--all", parsed.all, "every mount of lacunad");
  CLI::Option* directory = umount->add_option("DIR", parsed.directory, "where an image is mounted");
  directory->excludes(all);
}

void AddOtherVerbs(CLI::App& app, Arguments& parsed, std::string& since) {
  CLI::App* images = app.add_subcommand("images", "the images that lacunad knows");
  images->require_subcommand(1)->fallthrough();
  AddVerb(*images, "ls", "list them", Verb::kListImages, parsed);
  CLI::App* mounts = app.add_subcommand("mounts", "the mounts of lacunad");
  mounts->require_subcommand(1)->fallthrough();
  AddVerb(*mounts, "ls", "list them", Verb::kListMounts, parsed);

  AddVerb(app, "status", "what lacunad holds and has done", Verb::kStatus, parsed);
  CLI::App* prefetch =
      AddVerb(app, "prefetch", "bring a known image here, all of it", Verb::kPrefetch, parsed);
  prefetch->add_flag("--wait", parsed.wait, "return when it is here, with a progress bar on a terminal");
  prefetch->add_flag("--all", parsed.all, "the whole image, which is also the default");
  AddReference(*prefetch, parsed);
  AddVerb(app, "upgrade", "replace lacunad by the version that is installed, while its mounts go on",
          Verb::kUpgrade, parsed);
  CLI::App* events = AddVerb(app, "events", "what happened lately", Verb::kEvents, parsed);
  events->add_flag("-f,--follow", parsed.follow, "go on with what happens, until interrupted");
  events->add_option("--since", since, "only what happened in the last 10m, or after 2026-01-31T12:00:00Z")
      ->check(CheckSince);
  AddVerb(app, "doctor", "whether this host can run lacuna, and what is missing", Verb::kDoctor, parsed);
}

}  // namespace

std::variant<Arguments, int> ParseArguments(int argc, char** argv) {
  Arguments parsed;
  std::string output = "table";
  std::string timeout;
  std::string since;
  CLI::App app("Talks to lacunad: mounts container images before they are downloaded.", "lacunactl");
  app.set_version_flag("--version", "lacunactl " LACUNA_VERSION);
  app.add_option("--run", parsed.run_dir, "run folder of lacunad")->take_last()->capture_default_str();
  app.add_option("-o,--output", output, "table or json")
      ->take_last()
      ->check(CLI::IsMember({"table", "json"}));
  app.add_flag("-q,--quiet", parsed.quiet, "no confirmations and no progress");
  app.add_option("--timeout", timeout,
                 "longest wait for an answer (default 30s; of mount 10m; none with --wait or -f)")
      ->take_last()
      ->check(CheckTimeout);
  app.require_subcommand(1)->footer(kFooter);
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return absl::StrCat("lacunactl: ", error.what(), "; try lacunactl --help\n");
  });
  AddMountVerbs(app, parsed);
  AddOtherVerbs(app, parsed, since);
  try {
    app.parse(argc, argv);
    if (parsed.verb == Verb::kUmount && !parsed.all && parsed.directory.empty()) {
      throw CLI::RequiredError("DIR or --all");
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  parsed.json = output == "json";
  const bool endless = parsed.verb == Verb::kPrefetch ? parsed.wait : parsed.follow;
  if (!endless) parsed.timeout = kDefaultTimeout;
  if (parsed.verb == Verb::kMount) parsed.timeout = kDefaultMountTimeout;
  if (!timeout.empty()) parsed.timeout = *ParseDuration(timeout);
  if (!since.empty()) parsed.since_unix_milliseconds = absl::ToUnixMillis(*ParseSince(since));
  return parsed;
}

}  // namespace lacuna
