//===- OperatorList.h - What is imported, for people and programs ---------===//

#ifndef TENON_LIB_IMPORT_ONNX_OPERATORLIST_H
#define TENON_LIB_IMPORT_ONNX_OPERATORLIST_H

#include "llvm/Support/raw_ostream.h"

namespace tenon {

/// Writes the operators that are imported, with their versions: a line for
/// each, or one JSON object that has the operator sets and the element types
/// too.
void listOperators(llvm::raw_ostream &os, bool isJson);

} // namespace tenon

#endif // TENON_LIB_IMPORT_ONNX_OPERATORLIST_H
