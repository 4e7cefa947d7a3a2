//===- TenonDialect.td - The tenon dialect --------------------------------===//

#ifndef TENON_DIALECT
#define TENON_DIALECT

include "mlir/IR/OpBase.td"

def Tenon_Dialect : Dialect {
  let name = "tenon";
  let summary = "Neural networks in one normal form";
  let description = [{
    The form that every importer produces and every optimisation works on.

    - Values are ranked tensors; a dimension that is not known is `?`. Tensors
      stand in physical order: a layout is an attribute of the operation that
      has one, never a property of a type.
    - Operands of an elementwise operation have the rank of its result or are
      scalars (rank 0); importers insert the `tenon.unsqueeze` that this needs. A
      dimension broadcasts only where it is statically 1: two others that meet
      are equal, which is checked at run time where it isn't known.
    - Integer element types carry their sign: `i8` is signed, `ui8` unsigned.
    - A function's arguments and results carry `tenon.name` and `tenon.dims`
      (the symbol of every dynamic dimension, `""` where it is static).
  }];
  let cppNamespace = "::tenon";
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::math::MathDialect", "::mlir::tensor::TensorDialect"
  ];
}

#endif // TENON_DIALECT
