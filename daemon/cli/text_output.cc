#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "daemon/base/escape.h"
#include "daemon/base/format_bytes.h"
#include "daemon/cli/output.h"
#include "daemon/cli/table.h"

namespace lacuna {
namespace {

namespace api = control::v1;

constexpr size_t kShortDigest = sizeof("sha256:") - 1 + 12;

// Enough to tell digests apart; JSON has them in full.
std::string ShortDigest(absl::string_view digest) {
  return std::string(digest.substr(0, kShortDigest));
}

std::string OrDash(const std::string& text) {
  return text.empty() ? "-" : text;
}

std::string Percent(uint64_t part, uint64_t whole) {
  const double percent = whole == 0 ? 100.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  // Whole percents, never 100 before it is true.
  return absl::StrCat(static_cast<int>(percent), "%");
}

template <typename Mounts>
std::string MountsTable(const Mounts& mounts) {
  Table table({"DIRECTORY", "REFERENCE", "DIGEST", "DOOR", "SINCE"});
  for (const api::Mount& mount : mounts) {
    table.Add({mount.directory(), mount.reference(), ShortDigest(mount.manifest_digest()), mount.door(),
               OrDash(FormatTime(mount.since_unix_seconds()))});
  }
  return table.ToString();
}

std::string ObjectsTable(const api::GetStatusResponse& status) {
  Table table({"OBJECT", "SIZE", "LOCAL", "STATE", "VERIFIED", "MOUNTS"});
  for (const api::Object& object : status.objects()) {
    table.Add({object.key(), FormatBytes(object.size_bytes()),
               Percent(object.present_bytes(), object.size_bytes()), NameOf(object.state()),
               NameOf(object.verified()), absl::StrCat(object.mounts())});
  }
  return table.ToString();
}

// "40 with 206, 2 without answer".
std::string RequestsText(const api::GetStatusResponse& status) {
  std::string text;
  const std::map<int, uint64_t> sorted(status.requests_by_code().begin(), status.requests_by_code().end());
  for (const auto& [code, count] : sorted) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", count,
                    code == 0 ? " without answer" : absl::StrCat(" with ", code));
  }
  return text.empty() ? "none" : text;
}

}  // namespace

std::string ToText(const api::MountResponse& response) {
  const api::Mount& mount = response.mount();
  return absl::StrCat("mounted ", mount.reference(), " at ", EscapeForTerminal(mount.directory()), " (",
                      ShortDigest(mount.manifest_digest()), ", door ", mount.door(), ")\n");
}

std::string ToText(const api::UnmountResponse& response) {
  return absl::StrCat("unmounted ", response.unmounted(), "\n");
}

std::string ToText(const api::ListImagesResponse& response) {
  Table table({"REFERENCE", "DIGEST", "SIZE", "LOCAL", "MOUNTS", "LAST USED"});
  for (const api::Image& image : response.images()) {
    table.Add({image.reference(), ShortDigest(image.manifest_digest()), FormatBytes(image.size_bytes()),
               Percent(image.present_bytes(), image.size_bytes()), absl::StrCat(image.mounts()),
               OrDash(FormatTime(image.last_used_unix_seconds()))});
  }
  return table.ToString();
}

std::string ToText(const api::ListMountsResponse& response) {
  return MountsTable(response.mounts());
}

std::string ToText(const api::GetStatusResponse& status) {
  const api::BytesFetched& fetched = status.bytes_fetched();
  std::string text = absl::StrCat(
      "lacunad ", status.version(), ", door ", status.door(), ", cache in ", status.root(), "\n",  //
      "fetched   ", FormatBytes(fetched.demand()), " demand, ", FormatBytes(fetched.prefetch()),
      " prefetch, ", FormatBytes(fetched.fill()), " fill\n",  //
      "requests  ", RequestsText(status), "\n",               //
      "reads     ", status.misses(), " missed, ", status.parked_reads(), " parked now, ", status.errors(),
      " failed\n");
  if (status.objects_size() > 0) absl::StrAppend(&text, "\n", ObjectsTable(status));
  if (status.mounts_size() > 0) absl::StrAppend(&text, "\n", MountsTable(status.mounts()));
  return text;
}

std::string ToText(const api::PrefetchProgress& progress) {
  return absl::StrCat(FormatBytes(progress.present_bytes()), " of ", FormatBytes(progress.total_bytes()),
                      " are local\n");
}

std::string ToText(const api::UpgradeResponse& upgrade) {
  return absl::StrCat("upgraded to lacunad ", upgrade.version(), "\n");
}

std::string ToText(const api::Event& event) {
  const std::string text = event.text().empty() ? "" : absl::StrCat(": ", event.text());
  return absl::StrCat(FormatTimeOfMilliseconds(event.unix_milliseconds()), "  ", event.kind(), "  ",
                      EscapeForTerminal(absl::StrCat(event.subject(), text)), "\n");
}

std::string ToText(const std::vector<HostCheck>& checks) {
  Table table({"CHECK", "RESULT", "FOUND"});
  for (const HostCheck& check : checks) {
    const std::string advice = check.advice.empty() ? "" : absl::StrCat("; ", check.advice);
    table.Add({check.name, std::string(ToString(check.result)), absl::StrCat(check.found, advice)});
  }
  return absl::StrCat(table.ToString(), "\nThis host is ", VerdictOf(checks), ".\n");
}

}  // namespace lacuna
