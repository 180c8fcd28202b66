#include "daemon/snapshotter/snapshot_filter.h"

#include <re2/re2.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "daemon/snapshotter/go_unquote.h"

namespace lacuna {
namespace {

bool IsFieldByte(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool IsSpace(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool IsQuote(char c) {
  return c == '"' || c == '/' || c == '|';
}

// Bytes of characters beyond ASCII are all taken for letters.
bool IsValueByte(char c) {
  return c != ',' && c != '\x7f' && !(c >= 0 && c <= ' ');
}

absl::string_view NameOf(SnapshotKind kind) {
  switch (kind) {
    case SnapshotKind::kView:
      return "view";
    case SnapshotKind::kActive:
      return "active";
    case SnapshotKind::kCommitted:
      break;
  }
  return "committed";
}

// The field at `path`, or nothing when there is none.
std::optional<std::string> FieldOf(const SnapshotInfo& snapshot, const std::vector<std::string>& path) {
  const std::string& first = path.front();
  if (first == "kind") return std::string(NameOf(snapshot.kind));
  if (first == "name") return snapshot.name;
  if (first == "parent") return snapshot.parent;
  if (first != "labels") return std::nullopt;
  const auto label = snapshot.labels.find(absl::StrJoin(path.begin() + 1, path.end(), "."));
  return label == snapshot.labels.end() ? std::nullopt : std::optional(label->second);
}

}  // namespace

// Of one filter.
class SnapshotFilterParser {
 public:
  explicit SnapshotFilterParser(absl::string_view text) : text_(text) {}

  absl::StatusOr<SnapshotFilter::Conjunction> Parse() {
    SnapshotFilter::Conjunction all;
    while (true) {
      ASSIGN_OR_RETURN(SnapshotFilter::Selector selector, ParseSelector());
      all.push_back(std::move(selector));
      if (AtEnd()) return all;
      if (Peek() != ',') return Wrong("a comma is expected");
      ++at_;
    }
  }

 private:
  using Operator = SnapshotFilter::Operator;

  bool AtEnd() const { return at_ == text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  void SkipSpace() {
    while (!AtEnd() && IsSpace(Peek())) ++at_;
  }
  template <typename Predicate>
  absl::string_view TakeWhile(Predicate predicate) {
    const size_t begin = at_;
    while (!AtEnd() && predicate(Peek())) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  absl::Status Wrong(absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat("filter [", text_.substr(0, at_), " >|< ", text_.substr(at_), "]: ", what));
  }

  absl::StatusOr<SnapshotFilter::Selector> ParseSelector() {
    SnapshotFilter::Selector selector;
    do {
      if (!selector.path.empty()) ++at_;  // the dot
      ASSIGN_OR_RETURN(std::string field, ParseField());
      selector.path.push_back(std::move(field));
    } while (Peek() == '.');
    if (AtEnd() || Peek() == ',') return selector;
    ASSIGN_OR_RETURN(selector.op, ParseOperator());
    ASSIGN_OR_RETURN(selector.value, ParseValue(selector.op));
    if (selector.op == Operator::kMatches) {
      selector.expression = std::make_shared<const re2::RE2>(selector.value, re2::RE2::Quiet);
    }
    return selector;
  }

  absl::StatusOr<std::string> ParseField() {
    SkipSpace();
    if (Peek() == '"') return ParseQuoted();
    const absl::string_view field = TakeWhile(IsFieldByte);
    if (field.empty()) return Wrong("a field is expected");
    return std::string(field);
  }

  absl::StatusOr<Operator> ParseOperator() {
    SkipSpace();
    const absl::string_view op = TakeWhile([](char c) { return c == '=' || c == '!' || c == '~'; });
    if (op == "==") return Operator::kEquals;
    if (op == "!=") return Operator::kDiffers;
    if (op == "~=") return Operator::kMatches;
    return Wrong("==, != or ~= is expected");
  }

  absl::StatusOr<std::string> ParseValue(Operator op) {
    SkipSpace();
    if (Peek() == '"' || (IsQuote(Peek()) && op == Operator::kMatches)) return ParseQuoted();
    if (IsQuote(Peek())) return Wrong("only ~= takes / and | for quotes");
    if (Peek() == '.') return Wrong("a value is expected");
    const absl::string_view value = TakeWhile(IsValueByte);
    if (value.empty()) return Wrong("a value is expected");
    return std::string(value);
  }

  absl::StatusOr<std::string> ParseQuoted() {
    const size_t begin = at_;
    const char quote = text_[at_++];
    while (!AtEnd() && Peek() != quote) at_ += Peek() == '\\' && at_ + 1 < text_.size() ? 2 : 1;
    if (AtEnd()) return Wrong("the quote is not closed");
    ++at_;
    std::optional<std::string> value = GoUnquote(text_.substr(begin, at_ - begin));
    if (!value.has_value()) return Wrong("what is quoted is no string");
    return *std::move(value);
  }

  const absl::string_view text_;
  size_t at_ = 0;
};

bool SnapshotFilter::Selector::Matches(const SnapshotInfo& snapshot) const {
  const std::optional<std::string> field = FieldOf(snapshot, path);
  switch (op) {
    case Operator::kIsThere:
      return field.has_value();
    case Operator::kEquals:
      return field == value;
    case Operator::kDiffers:
      return field.value_or("") != value;
    case Operator::kMatches:
      break;
  }
  return expression->ok() && re2::RE2::PartialMatch(field.value_or(""), *expression);
}

absl::StatusOr<SnapshotFilter> SnapshotFilter::Parse(const std::vector<std::string>& filters) {
  SnapshotFilter parsed;
  for (const std::string& filter : filters) {
    Conjunction all;  // of nothing, for an empty filter: everything
    if (!filter.empty()) {
      ASSIGN_OR_RETURN(all, SnapshotFilterParser(filter).Parse());
    }
    parsed.any_of_.push_back(std::move(all));
  }
  if (filters.empty()) parsed.any_of_.emplace_back();
  return parsed;
}

bool SnapshotFilter::Matches(const SnapshotInfo& snapshot) const {
  return std::any_of(any_of_.begin(), any_of_.end(), [&](const Conjunction& all) {
    return std::all_of(all.begin(), all.end(),
                       [&](const Selector& selector) { return selector.Matches(snapshot); });
  });
}

}  // namespace lacuna
