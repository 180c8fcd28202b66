// containerd's filters, over snapshots: `name==a,labels."some.label"!=b`, `kind~=/view|active/`, `labels.l`.
// A selector is a path of fields, alone (the field is there) or with ==, != or ~= (an RE2 expression that
// matches somewhere) and a value; commas between selectors mean "and". Paths here: kind, name, parent,
// labels.LABEL. Source: documentation of containerd's package filters.
//
// Constant after Parse; safe from any thread. The text is anybody's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/snapshotter/snapshot.h"

namespace re2 {
class RE2;
}

namespace lacuna {

class SnapshotFilter {
 public:
  // Of what any of `filters` matches; of everything, when there is none. InvalidArgument shows where a filter
  // is wrong.
  static absl::StatusOr<SnapshotFilter> Parse(const std::vector<std::string>& filters);

  bool Matches(const SnapshotInfo& snapshot) const;

 private:
  friend class SnapshotFilterParser;
  enum class Operator { kIsThere, kEquals, kDiffers, kMatches };
  struct Selector {
    std::vector<std::string> path;
    Operator op = Operator::kIsThere;
    std::string value;
    std::shared_ptr<const re2::RE2> expression;  // of kMatches; one that is wrong matches nothing
    bool Matches(const SnapshotInfo& snapshot) const;
  };
  using Conjunction = std::vector<Selector>;

  std::vector<Conjunction> any_of_;
};

}  // namespace lacuna
