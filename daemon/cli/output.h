// What lacunactl prints for each answer: text for people, JSON for programs (CONTRACT.md, "JSON and
// metrics").
//
// Pure functions; safe from any thread. Both end with a line feed unless they are empty. Only json_output.cc
// knows nlohmann-json.
#pragma once

#include <string>
#include <vector>

#include "daemon/host_check.h"
#include "proto/lacuna/control/v1/control.pb.h"

namespace lacuna {

std::string ToText(const control::v1::MountResponse& response);
std::string ToText(const control::v1::UnmountResponse& response);
std::string ToText(const control::v1::ListImagesResponse& response);
std::string ToText(const control::v1::ListMountsResponse& response);
std::string ToText(const control::v1::GetStatusResponse& status);
std::string ToText(const control::v1::PrefetchProgress& progress);
std::string ToText(const control::v1::UpgradeResponse& upgrade);
std::string ToText(const control::v1::Event& event);  // a line
std::string ToText(const std::vector<HostCheck>& checks);

std::string ToJson(const control::v1::MountResponse& response);
std::string ToJson(const control::v1::UnmountResponse& response);
std::string ToJson(const control::v1::ListImagesResponse& response);
std::string ToJson(const control::v1::ListMountsResponse& response);
std::string ToJson(const control::v1::GetStatusResponse& status);
std::string ToJson(const control::v1::PrefetchProgress& progress);
std::string ToJson(const control::v1::UpgradeResponse& upgrade);
std::string ToJson(const control::v1::Event& event);  // a line: one document for each event
std::string ToJson(const std::vector<HostCheck>& checks);

// "filling", "finished", "failed"; "none", "index", "diffid": the same in both.
std::string NameOf(control::v1::ObjectState state);
std::string NameOf(control::v1::Verified verified);

// RFC 3339 in UTC; empty for 0, which means never.
std::string FormatTime(int64_t unix_seconds);
std::string FormatTimeOfMilliseconds(int64_t unix_milliseconds);

// "usable", "degraded", "unusable".
std::string VerdictOf(const std::vector<HostCheck>& checks);

}  // namespace lacuna
