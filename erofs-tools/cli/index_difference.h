// In what two indexes of one layer differ.
//
// Caller: lacuna-image check. Pure; safe from any thread.
#pragma once

#include <string>

#include "erofs-tools/layer/layer_index.h"

namespace lacuna {

// The first field that is not the same in both, as a person calls it: "diffID", "chunk 17", "checkpoint 3".
// Empty when all are.
std::string FirstDifference(const LayerIndex& stored, const LayerIndex& made);

}  // namespace lacuna
