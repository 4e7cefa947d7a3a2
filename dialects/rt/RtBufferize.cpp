//===- RtBufferize.cpp - Bufferisation of the runtime's operations --------===//

#include "dialects/rt/RtBufferize.h"

#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bufferization;

namespace {

/// A kernel call writes its outputs in place and does not read what was there.
template <typename CallOp>
struct CallModel
    : DstBufferizableOpInterfaceExternalModel<CallModel<CallOp>, CallOp> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !cast<CallOp>(op).isDpsInit(&operand);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto call = cast<CallOp>(op);
    SmallVector<Value> operands;
    SmallVector<Value> outputs;
    for (OpOperand &operand : op->getOpOperands()) {
      Value value = operand.get();
      if (isa<TensorType>(value.getType())) {
        FailureOr<Value> buffer = getBuffer(rewriter, value, options, state);
        if (failed(buffer))
          return failure();
        value = *buffer;
      }
      operands.push_back(value);
      if (call.isDpsInit(&operand))
        outputs.push_back(value);
    }
    OperationState newState(op->getLoc(), op->getName());
    newState.addOperands(operands);
    newState.addAttributes(op->getAttrs());
    newState.propertiesAttr = op->getPropertiesAsAttribute();
    rewriter.create(newState);
    replaceOpWithBufferizedValues(rewriter, op, outputs);
    return success();
  }
};

/// All of a model's memory is contiguous.
MemRefType getContiguousType(Type tensor) {
  auto type = cast<RankedTensorType>(tensor);
  return MemRefType::get(type.getShape(), type.getElementType());
}

/// A view is an alias of its source.
struct ViewModel
    : BufferizableOpInterface::ExternalModel<ViewModel, tenon::rt::ViewOp> {
  bool bufferizesToMemoryRead(Operation *, OpOperand &,
                              const AnalysisState &) const {
    return false;
  }
  bool bufferizesToMemoryWrite(Operation *, OpOperand &,
                               const AnalysisState &) const {
    return false;
  }
  AliasingValueList getAliasingValues(Operation *op, OpOperand &,
                                      const AnalysisState &) const {
    return {{op->getResult(0), BufferRelation::Equivalent}};
  }
  /// The default is the source's type with the layout of anything.
  FailureOr<BufferLikeType> getBufferType(Operation *op, Value,
                                          const BufferizationOptions &,
                                          const BufferizationState &,
                                          SmallVector<Value> &) const {
    return cast<BufferLikeType>(
        Type(getContiguousType(op->getResult(0).getType())));
  }
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto view = cast<tenon::rt::ViewOp>(op);
    FailureOr<Value> source =
        getBuffer(rewriter, view.getSource(), options, state);
    if (failed(source))
      return failure();
    replaceOpWithNewBufferizedOp<tenon::rt::ViewOp>(
        rewriter, op, getContiguousType(view.getResult().getType()), *source,
        view.getSizes());
    return success();
  }
};

} // namespace

void tenon::rt::registerBufferizableOpInterfaceModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, RtDialect *) {
    LaunchOp::attachInterface<CallModel<LaunchOp>>(*context);
    LibraryOp::attachInterface<CallModel<LibraryOp>>(*context);
    TransferOp::attachInterface<CallModel<TransferOp>>(*context);
    ViewOp::attachInterface<ViewModel>(*context);
  });
}
