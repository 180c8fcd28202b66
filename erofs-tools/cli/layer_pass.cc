#include "erofs-tools/cli/layer_pass.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/mutex.h"
#include "daemon/base/parallel.h"
#include "daemon/base/progress_bar.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

absl::Status Differ(absl::string_view what, const Digest& got, absl::string_view who,
                    const Digest& expected) {
  return IntegrityError(
      absl::StrCat(what, " has digest ", got.ToString(), ", the ", who, " says ", expected.ToString()));
}

class Pass {
 public:
  Pass(ImageSource& source, const ImageLayers& image, bool show_progress, const OnLayer& on_layer,
       const OnChunk& on_chunk)
      : source_(source),
        image_(image),
        on_layer_(on_layer),
        on_chunk_(on_chunk),
        bar_("reading layers", show_progress) {
    for (const LayerBlob& blob : image.blobs) total_ += blob.descriptor.size;
  }

  absl::Status Run() {
    const auto cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    const auto work = [this](size_t blob) {
      return NoteError(Annotate(Index(blob), image_.blobs[blob].Name()));
    };
    ForEachInParallel(image_.blobs.size(), cores, work).IgnoreError();  // it is noted
    MutexLock lock(mutex_);
    bar_.Finish();
    return error_;
  }

 private:
  absl::Status NoteError(const absl::Status& status) {
    MutexLock lock(mutex_);
    if (error_.ok()) error_ = status;
    return status;
  }

  absl::Status Index(size_t number) {
    const LayerBlob& blob = image_.blobs[number];
    LayerIndexer indexer(blob.codec, ChunkWriterOf(number));
    absl::Status broken;
    const absl::Status read = Read(blob, [&](absl::Span<const char> bytes) {
      broken = indexer.Write(bytes);
      return broken.ok() ? Count(bytes.size()) : broken;
    });
    if (!broken.ok()) return Explain(blob, broken);
    RETURN_IF_ERROR(read);
    absl::StatusOr<IndexedLayer> layer = indexer.Finish();
    if (!layer.ok()) return Explain(blob, layer.status());
    const LayerIndex& index = layer->index;
    if (index.layer_digest != blob.descriptor.digest) {
      return Differ("the blob", index.layer_digest, "manifest", blob.descriptor.digest);
    }
    if (index.diff_id != blob.diff_id) return Differ("its tar", index.diff_id, "config", blob.diff_id);
    return on_layer_(number, *std::move(layer));
  }

  LayerIndexer::ChunkWriter ChunkWriterOf(size_t number) const {
    if (!on_chunk_) return nullptr;
    return [this, number](uint64_t chunk, absl::Span<const char> bytes) {
      return on_chunk_(number, chunk, bytes);
    };
  }

  absl::Status Read(const LayerBlob& blob,
                    const std::function<absl::Status(absl::Span<const char>)>& take) const {
    ASSIGN_OR_RETURN(const std::unique_ptr<BlobReader> reader, source_.StreamBlob(blob.descriptor));
    while (true) {
      ASSIGN_OR_RETURN(const absl::Span<const char> bytes, reader->Next());
      if (bytes.empty()) return absl::OkStatus();
      RETURN_IF_ERROR(take(bytes));
    }
  }

  // Shows how far all of them are; the error that ends them.
  absl::Status Count(uint64_t bytes) {
    MutexLock lock(mutex_);
    done_ += bytes;
    bar_.Update(done_, total_);
    return error_;
  }

  // A layer that cannot be understood is what the manifest names, or not even that.
  absl::Status Explain(const LayerBlob& blob, const absl::Status& broken) const {
    Sha256 hasher;
    RETURN_IF_ERROR(Read(blob, [&](absl::Span<const char> bytes) {
      hasher.Update(bytes);
      return absl::OkStatus();
    }));
    const Digest digest = hasher.Finish();
    if (digest == blob.descriptor.digest) return broken;
    return Differ("the blob", digest, "manifest", blob.descriptor.digest);
  }

  ImageSource& source_;
  const ImageLayers& image_;
  const OnLayer& on_layer_;
  const OnChunk& on_chunk_;
  uint64_t total_ = 0;  // bytes

  Mutex mutex_;
  ProgressBar bar_ ABSL_GUARDED_BY(mutex_);
  uint64_t done_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);  // the first error
};

}  // namespace

absl::Status IndexLayers(ImageSource& source, const ImageLayers& image, bool show_progress,
                         const OnLayer& on_layer, const OnChunk& on_chunk) {
  return Pass(source, image, show_progress, on_layer, on_chunk).Run();
}

}  // namespace lacuna
