//===- NodeContext.h - A node as its converter sees it --------------------===//

#ifndef TENON_LIB_IMPORT_ONNX_NODECONTEXT_H
#define TENON_LIB_IMPORT_ONNX_NODECONTEXT_H

#include "dialects/tenon/TenonOps.h"
#include "lib/import/onnx/ImportErrors.h"
#include "lib/import/onnx/KnownValues.h"
#include "lib/import/onnx/TensorData.h"
#include "llvm/ADT/StringSet.h"

namespace tenon::onnx_import {

class GraphImporter;

/// The attributes of the call in whose function a node stands.
using FunctionAttributes = llvm::StringMap<const onnx::AttributeProto *>;

/// One node under conversion: checked access to its inputs and attributes, the
/// creation of operations in its place, and the ways to say what is wrong.
///
/// The first error sticks: from then on accessors give defaults or null, and
/// nothing is created. A converter may therefore make several operations in a
/// row and look once, at the end, and must look before it asks a value for its
/// type.
class NodeContext {
public:
  NodeContext(GraphImporter &importer, mlir::OpBuilder &builder,
              const onnx::NodeProto &node, const std::string &name,
              int64_t version, mlir::Location loc,
              llvm::ArrayRef<mlir::Value> inputs,
              const FunctionAttributes *functionAttributes);

  /// The version of the operator that is in force ("13" of opset 15).
  int64_t getVersion() const { return version; }
  llvm::StringRef getDomain() const { return node.domain(); }
  mlir::MLIRContext *getContext() const { return builder.getContext(); }
  mlir::OpBuilder &getBuilder() { return builder; }
  mlir::Location getLoc() const { return loc; }

  //===--------------------------------------------------------------------===//
  // What is wrong
  //===--------------------------------------------------------------------===//

  /// Reports that the node breaks a rule of its operator. The message says also
  /// what was found and what was expected; programs get that in parts.
  Refusal invalid(const llvm::Twine &message, const llvm::Twine &found = "",
                  const llvm::Twine &expected = "");
  /// Reports that the node is right but has no form in tenon.
  Refusal unsupported(const llvm::Twine &reason);
  /// Says more of the error of a node in one of this node's graphs.
  void addNote(const llvm::Twine &note);
  bool failed() const { return hasFailed; }
  bool isUnsupported() const { return !unsupportedReason.empty(); }
  llvm::StringRef getUnsupportedReason() const { return unsupportedReason; }

  //===--------------------------------------------------------------------===//
  // Inputs
  //===--------------------------------------------------------------------===//

  unsigned getNumInputs() const { return inputs.size(); }
  unsigned getNumOutputs() const { return node.output_size(); }
  bool hasInput(unsigned i) const { return i < inputs.size() && inputs[i]; }
  /// Whether somebody wants output `i`.
  bool hasOutput(unsigned i) const {
    return int(i) < node.output_size() && !node.output(i).empty();
  }
  /// The rank that the model declares for output `i`, if it does.
  std::optional<int64_t> getDeclaredRank(unsigned i = 0) const;
  /// An input that has to be there.
  mlir::Value getInput(unsigned i);
  /// An input that may be absent, as null.
  mlir::Value getOptionalInput(unsigned i) const {
    return hasInput(i) ? inputs[i] : mlir::Value();
  }
  /// The elements of a constant integer input; reports if it isn't constant.
  std::optional<llvm::SmallVector<int64_t>>
  getConstantInput(unsigned i, llvm::StringRef what);
  KnownValues &getKnownValues();
  /// How many copies the loops around make of what is being imported.
  int64_t &getNumCopies();

  //===--------------------------------------------------------------------===//
  // Attributes. Each access tells that the operator knows the attribute.
  //===--------------------------------------------------------------------===//

  bool hasAttribute(llvm::StringRef name) { return find(name) != nullptr; }
  int64_t getInt(llvm::StringRef name, int64_t defaultValue);
  int64_t getRequiredInt(llvm::StringRef name);
  bool getBool(llvm::StringRef name, bool defaultValue);
  double getFloat(llvm::StringRef name, double defaultValue);
  std::string getString(llvm::StringRef name, llvm::StringRef defaultValue);
  std::optional<llvm::SmallVector<int64_t>> getInts(llvm::StringRef name);
  std::optional<llvm::SmallVector<double>> getFloats(llvm::StringRef name);
  std::optional<llvm::SmallVector<std::string>>
  getStrings(llvm::StringRef name);
  /// Null if absent.
  mlir::ElementsAttr getTensor(llvm::StringRef name);
  const onnx::GraphProto *getGraph(llvm::StringRef name);
  const onnx::TypeProto *getTypeAttribute(llvm::StringRef name);
  /// Attributes that have no meaning when a model only runs.
  void ignoreAttributes(std::initializer_list<llvm::StringRef> names);
  /// Fails if the node has an attribute that nobody asked for.
  mlir::LogicalResult checkAttributesUsed();

  /// An axis in [-rank, rank) as one in [0, rank); `extra` allows `rank`
  /// itself.
  int64_t normalizeAxis(int64_t axis, int64_t rank, bool allowsRank = false);
  /// Axes as distinct ones in [0, rank).
  llvm::SmallVector<int64_t> normalizeAxes(llvm::ArrayRef<int64_t> axes,
                                           int64_t rank);

  //===--------------------------------------------------------------------===//
  // Creation
  //===--------------------------------------------------------------------===//

  /// Creates a tenon operation with one result, which is null after an error:
  /// when the operation refuses its operands or attributes.
  template <typename OpT, typename... Args> mlir::Value create(Args &&...args) {
    if (hasFailed)
      return {};
    mlir::OperationState state(loc, OpT::getOperationName());
    OpT::build(builder, state, /*output=*/builder.getNoneType(),
               std::forward<Args>(args)...);
    mlir::Operation *op = insert(state);
    return op ? op->getResult(0) : mlir::Value();
  }
  /// Finishes the creation of a state whose result types are yet to infer.
  mlir::Operation *insert(mlir::OperationState &state);

  mlir::Value createConstant(mlir::ElementsAttr value);
  /// A tensor of rank 0 of an integer or float type.
  mlir::Value createScalar(mlir::Type elementType, double value);
  /// A one-dimensional tensor of i64.
  mlir::Value createInts(llvm::ArrayRef<int64_t> values);
  mlir::Value unsqueeze(mlir::Value value, llvm::ArrayRef<int64_t> axes);
  mlir::Value squeeze(mlir::Value value, llvm::ArrayRef<int64_t> axes);
  mlir::Value cast(mlir::Value value, mlir::Type elementType);
  /// Gives operands of an elementwise operation one rank; scalars stay.
  llvm::SmallVector<mlir::Value> broadcast(llvm::ArrayRef<mlir::Value> values);
  /// `OpT` of two values that broadcast.
  template <typename OpT> mlir::Value binary(mlir::Value a, mlir::Value b) {
    llvm::SmallVector<mlir::Value> operands = broadcast({a, b});
    return hasFailed ? mlir::Value() : create<OpT>(operands[0], operands[1]);
  }

  //===--------------------------------------------------------------------===//
  // Shapes as values
  //===--------------------------------------------------------------------===//

  /// A one-dimensional integer tensor as i64, a constant where it is known.
  mlir::Value toShapeOperand(mlir::Value value);
  /// Dimension `axis` of `value`, as a tensor<1xi64>.
  mlir::Value getDim(mlir::Value value, int64_t axis);
  /// Joins one-dimensional tensors of i64; constants among them merge.
  mlir::Value joinShape(llvm::ArrayRef<mlir::Value> parts);
  /// The product of the dimensions [begin, end) of `value`, as a tensor<1xi64>.
  mlir::Value getDimProduct(mlir::Value value, int64_t begin, int64_t end);
  /// All dimensions of `value`.
  mlir::Value getShape(mlir::Value value);
  /// A reshape whose `shape` (i64) has no 0 to copy. The result is as static as
  /// what is known of `shape`.
  mlir::Value reshape(mlir::Value value, mlir::Value shape);
  /// `value` with dimensions [0, axis) made one and the others made one.
  mlir::Value flatten(mlir::Value value, int64_t axis);
  /// Broadcasts `value` to `shape` (i64), whose elements are all at least the
  /// dimensions of `value`.
  mlir::Value expand(mlir::Value value, mlir::Value shape);
  /// The part [start, end) along `axis`; the bounds are tensor<1xi64>.
  mlir::Value sliceAxis(mlir::Value value, int64_t axis, mlir::Value start,
                        mlir::Value end, int64_t step = 1);
  mlir::Value transpose(mlir::Value value, llvm::ArrayRef<int64_t> permutation);

  //===--------------------------------------------------------------------===//
  // Results
  //===--------------------------------------------------------------------===//

  /// Sets output `i`; fails if something has.
  mlir::LogicalResult setOutput(unsigned i, mlir::Value value);
  mlir::LogicalResult setOutput(mlir::Value value) {
    return setOutput(0, value);
  }
  /// Sets those of the outputs that somebody wants.
  mlir::LogicalResult setOutputs(mlir::ValueRange values);
  mlir::Value getOutput(unsigned i) const { return outputs.lookup(i); }

  /// Imports a graph of this node in place, with `inputs` for its inputs; its
  /// outputs, or failure.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  importGraph(const onnx::GraphProto &graph,
              llvm::ArrayRef<mlir::Value> inputs = {});

  std::string describe() const;

  /// Gives a result what is known of its dimensions; null if they are too
  /// large.
  mlir::Value refineType(mlir::Value result, llvm::ArrayRef<int64_t> dims);
  /// `value` with a dynamic dimension `axis` made `size`; a run in which it is
  /// another fails. What is static stays as it is.
  mlir::Value requireDim(mlir::Value value, int64_t axis, int64_t size);

  /// `value`; a run in which the elements of `lhs` and `rhs`, which `what`
  /// names, differ fails. Both have one dimension, of i64.
  mlir::Value require(mlir::Value value, mlir::Value lhs, mlir::Value rhs,
                      llvm::StringRef what);
  /// The same for dimension `axis` of `value` and `size` (tensor<1xi64>).
  mlir::Value requireSize(mlir::Value value, int64_t axis, mlir::Value size);

private:
  const onnx::AttributeProto *find(llvm::StringRef name);
  /// The attribute, if it is there and of the right kind.
  const onnx::AttributeProto *findTyped(llvm::StringRef name, int32_t type,
                                        llvm::StringRef typeName);
  GraphImporter &importer;
  mlir::OpBuilder &builder;
  const onnx::NodeProto &node;
  const std::string &name;
  int64_t version;
  mlir::Location loc;
  llvm::ArrayRef<mlir::Value> inputs;
  const FunctionAttributes *functionAttributes;
  llvm::StringSet<> usedAttributes;
  llvm::DenseMap<unsigned, mlir::Value> outputs;
  bool hasFailed = false;
  std::string unsupportedReason;
};

/// The type of a value that is there.
inline mlir::RankedTensorType getType(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType());
}

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_NODECONTEXT_H
