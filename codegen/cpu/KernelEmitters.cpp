//===- KernelEmitters.cpp - The table of emitters -------------------------===//

#include "codegen/cpu/Emitters.h"

using namespace mlir;

namespace tenon::cpu {

ArrayRef<const KernelEmitter *> getKernelEmitters() {
  static const KernelEmitter *const emitters[] = {&kMatmulEmitter,
                                                  &kDepthwiseConvEmitter,
                                                  &kConvEmitter,
                                                  &kPointwiseDepthwiseEmitter,
                                                  &kConvTransposeEmitter,
                                                  &kAttentionEmitter,
                                                  &kLstmEmitter,
                                                  &kRecurrentEmitter,
                                                  &kScatterElementsEmitter,
                                                  &kScatterNdEmitter,
                                                  &kArgReduceEmitter,
                                                  &kTopKEmitter,
                                                  &kNonZeroEmitter,
                                                  &kUniqueEmitter,
                                                  &kNonMaxSuppressionEmitter,
                                                  &kCumulateEmitter,
                                                  &kDetEmitter,
                                                  &kRowEmitter,
                                                  &kLoopEmitter};
  return emitters;
}

} // namespace tenon::cpu
