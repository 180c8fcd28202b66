// What says something about an image: signatures, traces, lists of what is in it.
// Sources: OCI distribution-spec 1.1, "Listing Referrers", "Pushing Manifests with Subject", "Unavailable
// Referrers API" and "Referrers Tag Schema".
//
// Callers: ImagePusher after a manifest with a subject; whoever looks for such manifests. On threads that may
// wait. Thread-safe.
//
// A registry without the referrers API has the list as an index under the tag "sha256-HEX". Nobody keeps two
// writers of a tag apart; so whoever writes looks afterwards whether it is still there, and puts back all it
// has seen there when it is not.
//
// Errors read "HOST: list referrers of REPOSITORY@DIGEST: cause" or "HOST: add a referrer to …".
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/base/digest.h"
#include "registry/manifest.h"
#include "registry/push_request.h"
#include "registry/remote_blob.h"

namespace lacuna {

class Referrers {
 public:
  // `sleep` is called before each look at what became of a write.
  explicit Referrers(PushLimits limits = {}, Sleep sleep = SleepFor)
      : limits_(limits), sleep_(std::move(sleep)) {}

  // The manifests whose subject is `subject`; with `artifact_type` only those of that type. None is no error.
  absl::StatusOr<std::vector<Descriptor>> List(const Repository& repository, const Digest& subject,
                                               const std::string& artifact_type = "") const;

  // Lists `referrer` under the tag of `subject`, once. Unavailable when others kept replacing the list.
  absl::Status AddToTag(const Repository& repository, const Digest& subject,
                        const Descriptor& referrer) const;

 private:
  absl::Status Add(const Repository& repository, const Digest& subject, const Descriptor& referrer) const;

  const PushLimits limits_;
  const Sleep sleep_;
};

// What a list has of a manifest with a subject: with its type, which may be that of its config, and its
// annotations.
Descriptor ReferrerOf(const ReadManifest& manifest);

}  // namespace lacuna
