#include "daemon/cli/verbs.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/escape.h"
#include "daemon/base/progress_bar.h"
#include "daemon/base/standard_output.h"
#include "daemon/base/status.h"
#include "daemon/cli/directory.h"
#include "daemon/cli/output.h"
#include "daemon/cli/upgrade.h"
#include "daemon/config.h"

namespace lacuna {
namespace {

namespace api = control::v1;

// What was asked for.
template <typename Response>
absl::Status Show(const Arguments& arguments, const absl::StatusOr<Response>& response) {
  if (!response.ok()) return response.status();
  return Print(arguments.json ? ToJson(*response) : ToText(*response));
}

// What confirms that something was done: nothing, where nobody wants to read it.
template <typename Response>
absl::Status Confirm(const Arguments& arguments, const absl::StatusOr<Response>& response) {
  if (response.ok() && arguments.quiet && !arguments.json) return absl::OkStatus();
  return Show(arguments, response);
}

absl::Status Mount(const Arguments& arguments, ControlClient& client) {
  ASSIGN_OR_RETURN(std::string directory, DirectoryToMountAt(arguments.directory));
  api::MountRequest request;
  request.set_reference(arguments.reference);
  request.set_directory(std::move(directory));
  request.set_platform(arguments.platform);
  request.set_plain_http(arguments.plain_http);
  request.set_credentials(arguments.credentials);
  request.set_no_index(arguments.no_index);
  return Confirm(arguments, client.Mount(request));
}

absl::Status Umount(const Arguments& arguments, ControlClient& client) {
  api::UnmountRequest request;
  request.set_lazy(arguments.lazy);
  request.set_all(arguments.all);
  if (!arguments.all) {
    ASSIGN_OR_RETURN(std::string directory, DirectoryToUnmount(arguments.directory));
    request.set_directory(std::move(directory));
  }
  return Confirm(arguments, client.Unmount(request));
}

absl::Status Prefetch(const Arguments& arguments, ControlClient& client) {
  api::PrefetchRequest request;
  request.set_reference(arguments.reference);
  request.set_wait(arguments.wait);
  absl::StatusOr<api::PrefetchProgress> last;
  {
    ProgressBar bar(arguments.reference, arguments.wait && !arguments.quiet);
    last = client.Prefetch(request, [&](const api::PrefetchProgress& progress) {
      bar.Update(progress.present_bytes(), progress.total_bytes());
    });
  }
  return Confirm(arguments, last);
}

absl::Status Events(const Arguments& arguments, ControlClient& client) {
  api::EventsRequest request;
  request.set_follow(arguments.follow);
  request.set_since_unix_milliseconds(arguments.since_unix_milliseconds);
  absl::Status printed;
  const absl::Status status = client.Events(request, [&](const api::Event& event) {
    if (printed.ok()) printed = Print(arguments.json ? ToJson(event) : ToText(event));
    if (!printed.ok()) client.Cancel();  // nobody reads on: `lacunactl events -f | head`
  });
  return printed.ok() ? status : printed;
}

// The configuration as the daemon would read it; the defaults where it could not.
Config CheckedConfig(std::vector<HostCheck>& checks) {
  const absl::StatusOr<Config> config = LoadDefaultConfig();
  if (config.ok()) {
    checks.push_back({.name = "configuration", .found = "valid, or absent and not needed"});
    return *config;
  }
  checks.push_back({.name = "configuration",
                    .result = HostCheck::Result::kFail,
                    .found = std::string(config.status().message()),
                    .advice = "correct it; lacunad does not start"});
  return Config();
}

// The cache folder that is in use, where a daemon tells.
std::string CacheFolder(const Arguments& arguments, const Config& config) {
  const auto client = ControlClient::Connect(arguments.run_dir, arguments.timeout);
  if (!client.ok()) return config.daemon.root;
  const absl::StatusOr<api::GetStatusResponse> status = (*client)->GetStatus();
  return status.ok() ? status->root() : config.daemon.root;
}

}  // namespace

std::string Describe(const Arguments& arguments) {
  switch (arguments.verb) {
    case Verb::kMount:
      return absl::StrCat("mount ", EscapeForTerminal(arguments.reference));
    case Verb::kUmount:
      return absl::StrCat("umount ", arguments.all ? "--all" : EscapeForTerminal(arguments.directory));
    case Verb::kListImages:
      return "images ls";
    case Verb::kListMounts:
      return "mounts ls";
    case Verb::kStatus:
      return "status";
    case Verb::kPrefetch:
      return absl::StrCat("prefetch ", EscapeForTerminal(arguments.reference));
    case Verb::kEvents:
      return "events";
    case Verb::kDoctor:
      return "doctor";
    case Verb::kUpgrade:
      return "upgrade";
  }
  return "";
}

absl::Status RunVerb(const Arguments& arguments, ControlClient& client) {
  switch (arguments.verb) {
    case Verb::kMount:
      return Mount(arguments, client);
    case Verb::kUmount:
      return Umount(arguments, client);
    case Verb::kListImages:
      return Show(arguments, client.ListImages());
    case Verb::kListMounts:
      return Show(arguments, client.ListMounts());
    case Verb::kStatus:
      return Show(arguments, client.GetStatus());
    case Verb::kPrefetch:
      return Prefetch(arguments, client);
    case Verb::kUpgrade:
      return Confirm(arguments, Upgrade(arguments, client));
    case Verb::kEvents:
      return Events(arguments, client);
    case Verb::kDoctor:
      break;
  }
  return absl::InternalError("doctor needs no daemon");
}

absl::StatusOr<HostCheck::Result> RunDoctor(const Arguments& arguments) {
  std::vector<HostCheck> checks;
  const Config config = CheckedConfig(checks);
  for (HostCheck& check : CheckHost({.root = CacheFolder(arguments, config), .run = arguments.run_dir})) {
    checks.push_back(std::move(check));
  }
  RETURN_IF_ERROR(Show(arguments, absl::StatusOr<std::vector<HostCheck>>(checks)));
  return WorstOf(checks);
}

}  // namespace lacuna
