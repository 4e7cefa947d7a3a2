//===- TensorData.h - Tensors of a model as attributes --------------------===//

#ifndef TENON_LIB_IMPORT_ONNX_TENSORDATA_H
#define TENON_LIB_IMPORT_ONNX_TENSORDATA_H

#include "dialects/tenon/TenonShapeChecks.h"
#include "lib/import/onnx/ImportErrors.h"
#include "lib/import/onnx/ModelFiles.h"
#include "lib/import/onnx/onnx.pb.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

namespace tenon::onnx_import {

/// Tensors of more dimensions are refused.
inline constexpr int64_t kMaxRank = 12;

/// What ONNX calls an element type, in lower case ("float32", "string").
std::string getTypeName(int32_t onnxType);

/// The element type as MLIR knows it; null if tenon has none (strings, complex
/// numbers). Some are only stored: see NarrowTypes.h.
mlir::Type getElementType(mlir::MLIRContext *context, int32_t onnxType);

/// What getTypeName says, for a type that getElementType gave.
std::string getTypeName(mlir::Type elementType);

/// Whether a shape is one that a tensor can have; tells what is wrong with it.
mlir::LogicalResult checkDims(llvm::ArrayRef<int64_t> dims, std::string &what);

/// Makes attributes of a model's tensors, without a copy where they are large.
class TensorReader {
public:
  TensorReader(mlir::MLIRContext *context, std::shared_ptr<ModelBytes> model,
               ExternalFiles &files, ImportErrors &errors)
      : context(context), model(std::move(model)), files(files),
        errors(errors) {}

  /// Checks type, shape and size of the payload; `what` names the tensor in
  /// messages ("initializer 'w'").
  mlir::LogicalResult check(const onnx::TensorProto &tensor,
                            const llvm::Twine &what);
  /// The tensor as an attribute, or null after an error.
  mlir::ElementsAttr read(const onnx::TensorProto &tensor,
                          const llvm::Twine &what);

private:
  /// Where the elements are: `bytes` as they are in memory, kept by `owner`, or
  /// in one of the message's typed fields if there is no owner.
  struct Payload {
    llvm::StringRef bytes;
    std::shared_ptr<ModelBytes> owner;
    bool isTyped = false;
  };
  mlir::FailureOr<Payload> findPayload(const onnx::TensorProto &tensor,
                                       mlir::RankedTensorType type,
                                       const llvm::Twine &what);
  mlir::FailureOr<Payload> findExternal(const onnx::TensorProto &tensor,
                                        uint64_t size, const llvm::Twine &what);
  mlir::FailureOr<mlir::RankedTensorType>
  getType(const onnx::TensorProto &tensor, const llvm::Twine &what);
  /// The elements of a typed field as they are in memory.
  mlir::FailureOr<std::vector<char>> packTyped(const onnx::TensorProto &tensor,
                                               mlir::RankedTensorType type,
                                               const llvm::Twine &what);

  mlir::MLIRContext *context;
  std::shared_ptr<ModelBytes> model;
  ExternalFiles &files;
  ImportErrors &errors;
  /// Large tensors that are no bytes of a file, so that a function or a loop
  /// that is imported again does not decode them again.
  llvm::DenseMap<const onnx::TensorProto *, mlir::ElementsAttr> decoded;
  /// SHA-1 sums of files of external data, by location.
  llvm::StringMap<std::string> checksums;
};

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_TENSORDATA_H
