//===- tenon-translate.cpp - The importer alone ---------------------------===//

#include "lib/import/onnx/OnnxImport.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/raw_ostream.h"

namespace cl = llvm::cl;

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  cl::opt<std::string> input(cl::Positional, cl::desc("<model.onnx>"),
                             cl::Required);
  cl::list<std::string> shapes("shape", cl::desc("Shape of an input"),
                               cl::value_desc("input=1x3x?x640"));
  cl::list<std::string> bindings("bind", cl::desc("Value of an input"),
                                 cl::value_desc("input=numbers"));
  cl::opt<bool> printLocations("print-locations",
                               cl::desc("Print node names as locations"));
  cl::opt<bool> check("check", cl::desc("Import, but print nothing"));
  cl::ParseCommandLineOptions(argc, argv,
                              "Prints the tenon dialect of an ONNX model\n");

  tenon::OnnxImportOptions options;
  for (llvm::StringRef text : shapes) {
    auto [name, dims] = text.rsplit('=');
    llvm::SmallVector<llvm::StringRef> parts;
    dims.split(parts, 'x', -1, /*KeepEmpty=*/false);
    for (llvm::StringRef part : parts) {
      int64_t dim = -1;
      if (part != "?" && part.getAsInteger(10, dim)) {
        llvm::errs() << "error: shape '" << text << "' has no dimensions\n";
        return 1;
      }
      options.shapes[name].push_back(dim);
    }
  }
  for (llvm::StringRef text : bindings) {
    auto [name, value] = text.split('=');
    options.bindings[name] = value.str();
  }

  mlir::MLIRContext context;
  tenon::ImportStatus status;
  mlir::OwningOpRef<mlir::ModuleOp> module =
      tenon::importOnnx(input, options, context, status);
  if (!module) {
    llvm::errs() << "error: " << input << ": " << status.message << "\n";
    return static_cast<int>(status.kind);
  }
  if (check)
    return 0;
  mlir::OpPrintingFlags flags;
  flags.elideLargeElementsAttrs(64).elideLargeResourceString(64);
  if (printLocations)
    flags.enableDebugInfo(/*enable=*/true, /*prettyForm=*/true);
  module->print(llvm::outs(), flags);
  return 0;
}
