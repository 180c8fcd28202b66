// One layer's tree over what the layers below it made.
// Source: OCI image-spec, layer.md, "Applying Changesets".
//
// A layer's tree does not know the order of its entries any more, so this gives a fixed one, in which it is
// as if a layer came in steps:
//   1. Hard links to what is below are to what that was before the layer, though the layer may hide or
//   replace
//      it (a rename comes as a link and a whiteout).
//   2. Whiteouts and opaque directories hide what is below: so never what the layer adds.
//   3. The layer's own files and directories come.
//   4. Last come those whose path in the layer goes through a symlink that is below: they go where it leads
//   by
//      then, as an unpacker would write them. (Directories with an entry of their own replace the symlink.)
// What an unpacker makes of the entries in their order differs only when a layer names the same thing both
// through such a symlink and otherwise.
//
// Caller: MergeLayers. One thread at a time.
#pragma once

#include "absl/status/status.h"
#include "erofs-tools/tree/file_tree.h"
#include "erofs-tools/tree/merge_layers.h"

namespace lacuna {

// InvalidArgument, naming the path, for a hard link whose target is nowhere, and for a path through something
// that is no directory. `image` is of no use after an error.
absl::Status ApplyLayer(LayerTree layer, FileTree& image);

// `node`, which keeps its children.
FileNode TakeAllButChildren(FileNode& node);

}  // namespace lacuna
