// Who keeps a mount busy: the processes with a file open on it, or standing in it.
//
// Called from control threads when an unmount was refused; reads /proc only. Thread-safe.
#pragma once

#include <string>

namespace lacuna {

// "cat (1234), bash (77)"; at most a few, then "and N more". Empty when nobody was found (a mount on top of
// it, or a process of another pid namespace).
std::string DescribeMountHolders(const std::string& directory);

}  // namespace lacuna
