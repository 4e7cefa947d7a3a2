//===- Entry.cpp - What libtenon_image exports ---------------------------===//

#include "runtime/image/Image.h"

#include <cstring>
#include <leptonica/allheaders.h>

using namespace tenon::image;
using tenon::runtime::guard;

/// Where a descriptor's words stand.
enum { Version, Kind, Format };

static void checkKernel(const TenonLibraryKernel &kernel) {
  auto fail = [&](const char *what) {
    throw ProviderFailure{
        TENON_ERROR_INVALID,
        std::string("this model is damaged: a kernel that reads "
                    "images has ") +
            what};
  };
  if (kernel.descriptorSize != TENON_IMAGE_WORDS)
    fail("a descriptor of another size");
  if (kernel.descriptor[Version] != TENON_IMAGE_VERSION)
    fail("a descriptor of another version");
  int64_t kind = kernel.descriptor[Kind], format = kernel.descriptor[Format];
  if (kind != TENON_IMAGE_SIZE && kind != TENON_IMAGE_DECODE)
    fail("an unknown kind");
  if (format < TENON_IMAGE_RGB || format > TENON_IMAGE_GRAY)
    fail("an unknown format of pixels");
  // The bytes have one dimension, a size one and pixels three.
  if (kernel.numArgs != 2 ||
      kernel.numDims != (kind == TENON_IMAGE_SIZE ? 2 : 4))
    fail("arguments of another shape");
}

static int32_t createModel(const TenonModelDesc *desc, void **model,
                           TenonProviderError *error) {
  return guard(error, [&] {
    // Or it would print what the runtime tells by its errors.
    setMsgSeverity(L_SEVERITY_NONE);
    for (uint32_t i = 0; i < desc->numLibraryKernels; ++i)
      if (!strcmp(desc->libraryKernels[i].provider, "image"))
        checkKernel(desc->libraryKernels[i]);
    *model = nullptr;
  });
}

static int32_t createSession(void *model, int32_t threads, int32_t maxShapes,
                             void **session, TenonProviderError *error) {
  *session = nullptr;
  return TENON_OK;
}

/// Nothing is kept: neither of a model nor of a session.
static void destroy(void *state) {}

static int32_t prepare(void *session, const TenonLibraryKernel *kernel,
                       const int64_t *dims, TenonProviderError *error) {
  return TENON_OK;
}

static int32_t run(void *session, const TenonLibraryKernel *kernel,
                   void *const *args, const int64_t *dims,
                   TenonProviderError *error) {
  return guard(error, [&] {
    Bytes bytes{static_cast<const uint8_t *>(args[0]), size_t(dims[0])};
    if (kernel->descriptor[Kind] == TENON_IMAGE_SIZE) {
      ImageHeader header = readHeader(bytes);
      int64_t size[2] = {header.height, header.width};
      memcpy(args[1], size, sizeof size);
      return;
    }
    auto format = static_cast<TenonPixelFormat>(kernel->descriptor[Format]);
    if (dims[3] != (format == TENON_IMAGE_GRAY ? 1 : 3))
      throw ProviderFailure{
          TENON_ERROR_INTERNAL,
          "the result does not have the channels of its format"};
    decode(bytes, format, /*height=*/dims[1], /*width=*/dims[2],
           static_cast<uint8_t *>(args[1]));
  });
}

static const char *implementation(void *session,
                                  const TenonLibraryKernel *kernel) {
  return "leptonica";
}

static uint64_t scratchSize(void *session) { return 0; }

extern "C" __attribute__((visibility("default"))) const TenonProvider *
tenon_provider_image() {
  static const TenonProvider provider = {TENON_PROVIDER_VERSION,
                                         sizeof(TenonProvider),
                                         "image",
                                         &createModel,
                                         &destroy,
                                         &createSession,
                                         &destroy,
                                         &prepare,
                                         &run,
                                         &implementation,
                                         &scratchSize,
                                         /*pack=*/nullptr};
  return &provider;
}
