//===- TenonOpsStructure.td - Constants, control flow, kernels ------------===//

#ifndef TENON_OPS_STRUCTURE
#define TENON_OPS_STRUCTURE

include "dialects/tenon/TenonBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

def Tenon_ConstantOp : Tenon_Op<"constant", [Pure, ConstantLike,
    DeclareOpInterfaceMethods<InferTypeOpInterface>]> {
  let summary = "a tensor known when compiling";
  let description = [{
    Large values are `dense_resource` blobs, which are read where they stand in
    the model's file.

    Example: `%c = tenon.constant dense<1.0> : tensor<2xf32>`
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Tenon_Tensor:$output);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}

def Tenon_YieldOp : Tenon_Op<"yield", [Pure, Terminator, ReturnLike,
    ParentOneOf<["KernelOp", "IfOp"]>]> {
  let summary = "the results of a region";
  let description = "Ends the regions of `tenon.if` and `tenon.kernel`.";
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
  let builders = [OpBuilder<(ins), "build($_builder, $_state, ::mlir::ValueRange());">];
}

def Tenon_IfOp : Tenon_Op<"if", [RecursiveMemoryEffects, NoRegionArguments,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "one of two regions";
  let description = [{
    The regions see the values around them. A result's dimension is static only
    where both regions agree.

    Example:
    ```mlir
    func.func @pick(%c: tensor<i1>, %a: tensor<2xf32>, %b: tensor<3xf32>) -> tensor<?xf32> {
      %y = tenon.if %c : tensor<i1> -> tensor<?xf32> {
        tenon.yield %a : tensor<2xf32>
      } else {
        tenon.yield %b : tensor<3xf32>
      }
      return %y : tensor<?xf32>
    }
    ```
  }];
  let arguments = (ins 0DTensorOf<[I1]>:$condition);
  let results = (outs Variadic<Tenon_Tensor>:$outputs);
  let regions = (region SizedRegion<1>:$thenRegion, SizedRegion<1>:$elseRegion);
  let assemblyFormat = [{
    $condition attr-dict `:` type($condition) (`->` type($outputs)^)?
    $thenRegion `else` $elseRegion
  }];
  let hasRegionVerifier = 1;
  let hasCanonicalizer = 1;
}

def Tenon_KernelOp : Tenon_Op<"kernel", [Pure, IsolatedFromAbove,
    SingleBlockImplicitTerminator<"YieldOp">, AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface>]> {
  let summary = "what runs as one unit";
  let description = [{
    The region computes the results from its arguments, which are the `inputs`
    in order. `dims` are the sizes of the dynamic dimensions of all results in
    order, and `scalars` index values that the region uses (its last arguments,
    of type `index`). `provider` is set by the assign phase. Its location tells
    which nodes of the model are in it.

    Example:
    ```mlir
    func.func @activation(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
      %c0 = arith.constant 0 : index
      %d = tensor.dim %x, %c0 : tensor<?x4xf32>
      %y = tenon.kernel (%a = %x) dims(%d) {provider = "codegen"} : (tensor<?x4xf32>) -> tensor<?x4xf32> {
        %0 = tenon.relu %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
        tenon.yield %0 : tensor<?x4xf32>
      }
      return %y : tensor<?x4xf32>
    }
    ```
  }];
  let arguments = (ins Variadic<Tenon_Tensor>:$inputs, Variadic<Index>:$scalars,
      Variadic<Index>:$dims, OptionalAttr<StrAttr>:$provider);
  let results = (outs Variadic<Tenon_Tensor>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
  // Also makes the region's block with its arguments (no terminator).
  let builders = [OpBuilder<(ins "::mlir::TypeRange":$outputs,
      "::mlir::ValueRange":$inputs, "::mlir::ValueRange":$scalars,
      "::mlir::ValueRange":$dims)>];
  let extraClassDeclaration = [{
    /// The sizes of result `index`, static or taken from `dims`.
    ::llvm::SmallVector<::mlir::OpFoldResult> getResultSizes(unsigned index);
    ::tenon::YieldOp getYield();
    ::mlir::LogicalResult reifyResultShapes(::mlir::OpBuilder &builder,
        ::mlir::ReifiedRankedShapedTypeDims &shapes);
  }];
}

#endif // TENON_OPS_STRUCTURE
