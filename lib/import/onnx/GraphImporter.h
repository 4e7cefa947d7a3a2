//===- GraphImporter.h - The walk over a model's graph --------------------===//

#ifndef TENON_LIB_IMPORT_ONNX_GRAPHIMPORTER_H
#define TENON_LIB_IMPORT_ONNX_GRAPHIMPORTER_H

#include "lib/import/onnx/ModelCheck.h"
#include "lib/import/onnx/NodeContext.h"
#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Sequences.h"
#include "mlir/IR/Diagnostics.h"

namespace tenon::onnx_import {

/// Imports a checked model, node by node.
class GraphImporter {
public:
  GraphImporter(const onnx::ModelProto &model, const OnnxImportOptions &options,
                mlir::MLIRContext &context, TensorReader &tensors,
                ImportErrors &errors);

  mlir::OwningOpRef<mlir::ModuleOp> run();

private:
  friend class NodeContext;

  using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

  /// What holds for all nodes of the main graph, or of one call of a function.
  struct Frame {
    const Opsets *opsets = nullptr;
    const FunctionAttributes *attributes = nullptr;
    /// Put before the names of nodes.
    std::string prefix;
  };
  /// The values of a graph by name; null if an unsupported node made them.
  struct Scope {
    llvm::StringMap<mlir::Value> values;
    /// Parameters of a function that its call leaves out.
    llvm::StringSet<> absent;
    /// What the graph says of the ranks of its values.
    llvm::StringMap<int64_t> declaredRanks;
    const Scope *outer = nullptr;
    const Frame *frame = nullptr;

    bool lookup(llvm::StringRef name, mlir::Value &value) const;
    /// Whether an input of a node is left out.
    bool isAbsent(llvm::StringRef name) const;
  };

  /// An input of the model.
  struct Input {
    std::string name;
    DeclaredType declared;
    /// Of a tensor.
    mlir::RankedTensorType type;
    llvm::SmallVector<std::string> symbols;
  };

  mlir::LogicalResult collectFunctions();
  /// Lists all nodes whose operator is in no table.
  void findUnsupported(const Nodes &nodes, const Opsets &opsets,
                       const llvm::StringMap<std::string> &types,
                       llvm::StringSet<> &visited);
  void findUnsupported(const onnx::GraphProto &graph, const Opsets &opsets,
                       llvm::StringSet<> &visited);
  mlir::LogicalResult readInputs();
  /// Puts the sizes that options give into the declared dimensions of an input,
  /// and notes those of its symbols.
  mlir::LogicalResult applyGivenShape(llvm::ArrayRef<int64_t> shape,
                                      const Input &input,
                                      llvm::MutableArrayRef<int64_t> dims);
  mlir::FailureOr<mlir::ElementsAttr> readBinding(const Input &input,
                                                  llvm::StringRef text);
  mlir::LogicalResult importMain(mlir::ModuleOp module);
  mlir::LogicalResult importOutputs(Scope &scope, mlir::Operation *function);
  mlir::LogicalResult readSequenceInput(Input input);
  /// Output that is a sequence or an optional: adds its parts.
  mlir::LogicalResult
  importSequenceOutput(const onnx::ValueInfoProto &output, mlir::Value value,
                       llvm::SmallVectorImpl<mlir::Value> &results,
                       llvm::SmallVectorImpl<mlir::DictionaryAttr> &attributes);
  /// The attributes of the parts of a sequence or an optional.
  llvm::SmallVector<mlir::DictionaryAttr> describeParts(llvm::StringRef name,
                                                        const Form &form);
  mlir::Value putTogether(const std::string &name, const Form &form,
                          llvm::ArrayRef<mlir::Value> parts);
  mlir::LogicalResult checkOptions();
  mlir::LogicalResult importInitializers(const onnx::GraphProto &graph,
                                         Scope &scope);
  static void readDeclaredRanks(const onnx::GraphProto &graph, Scope &scope);
  mlir::LogicalResult importNodes(const Nodes &nodes, Scope &scope);
  mlir::LogicalResult importNode(const onnx::NodeProto &node, int index,
                                 Scope &scope);
  mlir::LogicalResult importCall(const onnx::NodeProto &node,
                                 const onnx::FunctionProto &function,
                                 const std::string &name, Scope &scope);
  /// The outputs of a graph within a node; a value is null after an
  /// unsupported node.
  mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  importSubgraph(const onnx::GraphProto &graph, const std::string &prefix,
                 llvm::ArrayRef<mlir::Value> inputs);
  void poisonOutputs(const onnx::NodeProto &node, Scope &scope);

  const onnx::ModelProto &model;
  const OnnxImportOptions &options;
  mlir::MLIRContext &context;
  TensorReader &tensors;
  ImportErrors &errors;
  mlir::OpBuilder builder;
  KnownValues known;

  Opsets opsets;
  llvm::StringMap<const onnx::FunctionProto *> functions;
  llvm::StringMap<Opsets> functionOpsets;
  llvm::SmallVector<Input> inputs;
  llvm::StringMap<mlir::ElementsAttr> bindings;
  /// Dimensions that options fix, by symbol.
  llvm::StringMap<int64_t> symbols;
  /// The scope of the node that is being converted, for graphs within it.
  Scope *currentScope = nullptr;
  /// What MLIR said last.
  std::string diagnostic;
  int64_t numNodes = 0, numOperations = 0;
  /// How often the nodes that are being imported are: once for each turn of the
  /// loops around them that are written out.
  int64_t numCopies = 1;
  size_t nameBytes = 0;
};

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_GRAPHIMPORTER_H
