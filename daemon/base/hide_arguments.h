// Keeps secrets of a command line out of `ps`: /proc/PID/cmdline shows what the arguments' memory holds.
//
// Called once, by main, when the command line has been parsed and before anything takes time.
#pragma once

#include <initializer_list>

#include "absl/strings/string_view.h"

namespace lacuna {

// Overwrites the values of these options, as "--option VALUE" and "--option=VALUE", with asterisks. Others
// can see them for the moment before.
void HideArguments(int argc, char** argv, std::initializer_list<absl::string_view> options);

}  // namespace lacuna
