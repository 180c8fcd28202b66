#include "registry/hosts_toml.h"

#include <algorithm>
#include <utility>

#include <toml++/toml.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/base/duration.h"
#include "daemon/base/escape.h"
#include "daemon/base/status.h"
#include "registry/field_syntax.h"

namespace lacuna {
namespace {

// The one thing that containerd knows and we have no use for: which hosts it asks for referrers.
constexpr absl::string_view kUnusedCapability = "referrers";
constexpr size_t kMaxKeyInMessage = 100;
// Every dot of a key is a table in a table, and toml++ gives those up by recursion: too many end the process.
constexpr int kMaxDotsInLine = 256;

// What the keys of one server say: those of a [host."URL"], or those at the root for `server`.
struct Section {
  HostsFile::Host host;
  bool override_path = false;
};

absl::Status ReadBool(const toml::node& node, bool& out) {
  if (!node.is_boolean()) return absl::InvalidArgumentError("expected true or false");
  out = node.ref<bool>();
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadString(const toml::node& node) {
  if (!node.is_string()) return absl::InvalidArgumentError("expected a string in quotes");
  return node.ref<std::string>();
}

// A string, or an array of them.
absl::StatusOr<std::vector<std::string>> ReadStrings(const toml::node& node) {
  std::vector<std::string> strings;
  if (const toml::array* const array = node.as_array()) {
    for (const toml::node& element : *array) {
      ASSIGN_OR_RETURN(strings.emplace_back(), ReadString(element));
    }
    return strings;
  }
  if (!node.is_string()) return absl::InvalidArgumentError("expected a string in quotes or an array of them");
  strings.push_back(node.ref<std::string>());
  return strings;
}

absl::Status CheckPath(const std::string& path) {
  if (!path.empty() && path.find('\0') == std::string::npos) return absl::OkStatus();
  return absl::InvalidArgumentError("expected the path of a file");
}

absl::Status ReadCapabilities(const toml::node& node, Section& section) {
  if (!node.is_array()) return absl::InvalidArgumentError("expected an array, for example [\"pull\"]");
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ReadStrings(node));
  if (names.empty()) return absl::OkStatus();  // the same as none given, says containerd
  RegistryEndpoint& endpoint = section.host.endpoint;
  endpoint.can_pull = endpoint.can_resolve = endpoint.can_push = false;
  for (const std::string& name : names) {
    if (absl::EqualsIgnoreCase(name, "pull")) {
      endpoint.can_pull = true;
    } else if (absl::EqualsIgnoreCase(name, "resolve")) {
      endpoint.can_resolve = true;
    } else if (absl::EqualsIgnoreCase(name, "push")) {
      endpoint.can_push = true;
    } else if (!absl::EqualsIgnoreCase(name, kUnusedCapability)) {
      return absl::InvalidArgumentError("expected \"pull\", \"resolve\", \"push\" or \"referrers\"");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadCa(const toml::node& node, Section& section) {
  ASSIGN_OR_RETURN(section.host.ca, ReadStrings(node));
  for (const std::string& path : section.host.ca) RETURN_IF_ERROR(CheckPath(path));
  return absl::OkStatus();
}

// One file, or [CERTIFICATE, KEY] of which an empty KEY means the same file.
absl::StatusOr<HostsFile::ClientFiles> ReadClientFiles(const toml::node& node) {
  ASSIGN_OR_RETURN(std::vector<std::string> paths, ReadStrings(node));
  if (node.is_array() && paths.size() != 2) {
    return absl::InvalidArgumentError("expected [\"CERTIFICATE\", \"KEY\"], two paths");
  }
  RETURN_IF_ERROR(CheckPath(paths[0]));
  if (paths.size() == 1 || paths[1].empty()) return HostsFile::ClientFiles{paths[0], ""};
  RETURN_IF_ERROR(CheckPath(paths[1]));
  return HostsFile::ClientFiles{paths[0], paths[1]};
}

absl::Status ReadClient(const toml::node& node, Section& section) {
  const toml::array* const array = node.as_array();
  if (array == nullptr) {
    ASSIGN_OR_RETURN(section.host.client, ReadClientFiles(node));
    return absl::OkStatus();
  }
  for (const toml::node& element : *array) {
    ASSIGN_OR_RETURN(HostsFile::ClientFiles files, ReadClientFiles(element));
    if (!section.host.client.has_value()) section.host.client = std::move(files);
  }
  return absl::OkStatus();
}

absl::Status ReadSkipVerify(const toml::node& node, Section& section) {
  return ReadBool(node, section.host.endpoint.tls.skip_verify);
}

bool IsToken(absl::string_view text) {
  absl::string_view token;
  return ConsumeToken(&text, &token) && text.empty();
}

absl::Status ReadHeader(const toml::node& node, Section& section) {
  if (!node.is_table()) return absl::InvalidArgumentError("expected a table of NAME = \"value\"");
  for (const auto& [key, value] : *node.as_table()) {
    const std::string name(key.str());
    if (!IsToken(name)) return absl::InvalidArgumentError("a name in it is not one that a header may have");
    absl::StatusOr<std::vector<std::string>> texts = ReadStrings(value);
    if (!texts.ok()) return Annotate(texts.status(), name);
    for (std::string& text : *texts) {
      if (std::any_of(text.begin(), text.end(), absl::ascii_iscntrl)) {
        return absl::InvalidArgumentError(absl::StrCat(name, ": the value holds a control character"));
      }
      section.host.endpoint.headers.emplace_back(name, std::move(text));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadOverridePath(const toml::node& node, Section& section) {
  return ReadBool(node, section.override_path);
}

// Empty and zero mean no limit of its own, as in containerd.
absl::Status ReadDialTimeout(const toml::node& node, Section& section) {
  ASSIGN_OR_RETURN(const std::string text, ReadString(node));
  if (text.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Duration timeout, ParseDuration(text));
  if (timeout > Duration::zero()) section.host.endpoint.dial_timeout = timeout;
  return absl::OkStatus();
}

struct Key {
  std::string_view name;
  absl::Status (*read)(const toml::node&, Section&);
};
constexpr Key kKeys[] = {
    {"capabilities", ReadCapabilities}, {"ca", ReadCa},         {"client", ReadClient},
    {"skip_verify", ReadSkipVerify},    {"header", ReadHeader}, {"override_path", ReadOverridePath},
    {"dial_timeout", ReadDialTimeout}};
constexpr absl::string_view kKeyNames =
    "capabilities, ca, client, skip_verify, header, override_path, dial_timeout";

// Reads one file: all errors name it and the line.
class Reader {
 public:
  explicit Reader(absl::string_view name) : name_(name) {}

  absl::StatusOr<HostsFile> Read(const toml::table& root) const {
    HostsFile file;
    Section server;
    for (const auto& [key, node] : root) {
      if (key.str() == "server" || key.str() == "host") continue;
      RETURN_IF_ERROR(ReadKey(key, node, server, ", server, [host.\"URL\"]"));
    }
    file.server = std::move(server.host);
    if (const toml::node* const node = root.get("server")) {
      RETURN_IF_ERROR(ReadServer(*node, server.override_path, file.server));
    }
    if (const toml::node* const node = root.get("host")) RETURN_IF_ERROR(ReadHosts(*node, file.hosts));
    return file;
  }

  // What must hold before toml++ may see the text.
  absl::Status CheckNesting(absl::string_view text) const {
    uint32_t number = 0;
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      ++number;
      if (std::count(line.begin(), line.end(), '.') > kMaxDotsInLine) {
        return Error(number, absl::StrCat("more than ", kMaxDotsInLine, " dots in one line"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Error(uint32_t line, absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(name_, ":", line, ": ", what));
  }

 private:
  absl::Status ReadServer(const toml::node& node, bool override_path, HostsFile::Host& server) const {
    const absl::StatusOr<std::string> url = ReadString(node);
    if (!url.ok()) return Error(node.source().begin.line, absl::StrCat("server: ", url.status().message()));
    if (url->empty()) return absl::OkStatus();  // the same as none given, says containerd
    absl::StatusOr<std::string> base_url = EndpointUrl(*url, override_path);
    if (!base_url.ok())
      return Error(node.source().begin.line, absl::StrCat("server: ", base_url.status().message()));
    server.endpoint.base_url = *std::move(base_url);
    return absl::OkStatus();
  }

  absl::Status ReadHosts(const toml::node& node, std::vector<HostsFile::Host>& hosts) const {
    constexpr absl::string_view kForm = "write hosts as [host.\"URL\"]";
    if (!node.is_table()) return Error(node.source().begin.line, kForm);
    std::vector<std::pair<toml::source_position, HostsFile::Host>> found;
    for (const auto& [key, value] : *node.as_table()) {
      if (!value.is_table()) return Error(key.source().begin.line, kForm);
      Section section;
      for (const auto& [name, member] : *value.as_table()) {
        RETURN_IF_ERROR(ReadKey(name, member, section, ""));
      }
      absl::StatusOr<std::string> url = EndpointUrl(std::string(key.str()), section.override_path);
      if (!url.ok())
        return Error(key.source().begin.line, absl::StrCat("[host.\"URL\"]: ", url.status().message()));
      section.host.endpoint.base_url = *std::move(url);
      found.emplace_back(key.source().begin, std::move(section.host));
    }
    // toml++ keeps a table sorted by key; what counts is the order of the file.
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [position, host] : found) hosts.push_back(std::move(host));
    return absl::OkStatus();
  }

  absl::Status ReadKey(const toml::key& key, const toml::node& node, Section& section,
                       absl::string_view also_known) const {
    const std::string name = EscapeForTerminal(std::string(key.str()).substr(0, kMaxKeyInMessage));
    const auto* const known = std::find_if(std::begin(kKeys), std::end(kKeys),
                                           [&](const Key& candidate) { return candidate.name == key.str(); });
    if (known == std::end(kKeys)) {
      return Error(key.source().begin.line,
                   absl::StrCat("unknown key '", name, "'; known here: ", kKeyNames, also_known));
    }
    const absl::Status status = known->read(node, section);
    return status.ok() ? status : Error(key.source().begin.line, absl::StrCat(name, ": ", status.message()));
  }

  const std::string name_;
};

// The part of toml++'s message that repeats nothing of the file: "Error while parsing string".
absl::string_view WithoutQuotation(std::string_view what) {
  const absl::string_view text(what.data(), what.size());
  return absl::StartsWith(text, "Error while parsing ") ? text.substr(0, text.find(':')) : "not TOML";
}

}  // namespace

absl::StatusOr<HostsFile> ParseHostsToml(absl::string_view text, absl::string_view name) {
  const Reader reader(name);
  RETURN_IF_ERROR(reader.CheckNesting(text));
  try {
    return reader.Read(toml::parse(std::string_view(text.data(), text.size())));
  } catch (const toml::parse_error& error) {  // Debian's toml++ is built with exceptions
    return reader.Error(error.source().begin.line, absl::StrCat(WithoutQuotation(error.description()),
                                                                ", column ", error.source().begin.column));
  }
}

}  // namespace lacuna
