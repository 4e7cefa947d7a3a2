//===- Pipeline.cpp - The compress phase ----------------------------------===//

#include "transforms/compress/Pipeline.h"

#include "mlir/Pass/PassRegistry.h"
#include "transforms/compress/Passes.h"

using namespace mlir;

void tenon::buildCompressPipeline(OpPassManager &pm,
                                  const CompressOptions &options) {
  // Before layouts are chosen, so that constants are still as the model has
  // them, and before fusion, which joins the casts with what is around them.
  if (!options.halfIo.empty()) {
    NarrowIoOptions io;
    io.precision = options.precision;
    io.halfIo.assign(options.halfIo.begin(), options.halfIo.end());
    pm.addPass(createNarrowIo(io));
  }
  if (!options.precision.empty()) {
    ConvertPrecisionOptions precision;
    precision.precision = options.precision;
    precision.keepFp32.assign(options.keepFp32.begin(), options.keepFp32.end());
    pm.addPass(createConvertPrecision(precision));
  }
}

void tenon::registerCompress() {
  registerCompressPasses();
  PassPipelineRegistration<CompressOptions>(
      "tenon-compress", "the compress phase", buildCompressPipeline);
}
