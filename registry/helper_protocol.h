// The words that docker's credential helpers understand and speak.
// Source: docker/docker-credential-helpers README, "Development", and docker's CLI reference for `docker
// login`.
//
// Callers: docker_config, credential_helper. Pure functions; safe from any thread. Answers are secret: no
// part of one is in an error's text.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "registry/credentials.h"

namespace lacuna {

// Whether `name` may follow "docker-credential-" in a program's name: letters, digits and "._-", so that it
// never leads to another folder than those of $PATH.
bool IsHelperName(absl::string_view name);

// The name of a registry that has several: docker.io for all the hosts of docker's hub, any other `host` as
// it is.
std::string CanonicalHost(absl::string_view host);

// What a helper is asked for: "https://index.docker.io/v1/" for docker.io, else the canonical host.
std::string HelperServerUrl(absl::string_view host);

// What a helper's `get` printed. A user name "<token>" says that the secret is an identity token.
// InvalidArgument for what is no JSON object with the strings Username and Secret.
absl::StatusOr<Credentials> ParseHelperAnswer(absl::string_view json);

// Whether a helper that failed said, by what it printed, that it has nothing for this server.
bool SaysNotFound(absl::string_view output);

}  // namespace lacuna
