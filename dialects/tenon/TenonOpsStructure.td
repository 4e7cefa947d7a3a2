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
    ParentOneOf<["KernelOp", "IfOp", "LoopOp"]>]> {
  let summary = "the results of a region";
  let description = "Ends the regions of `tenon.if`, `tenon.loop` and `tenon.kernel`.";
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

def Tenon_LoopOp : Tenon_Op<"loop", [RecursiveMemoryEffects,
    SingleBlockImplicitTerminator<"YieldOp">, AttrSizedOperandSegments]> {
  let summary = "runs a region again and again";
  let description = [{
    The region runs as long as it has run fewer than `trip_count` times and the
    condition holds: at first `condition`, then the first value that the region
    yields. What is left out does not end the loop. The region's arguments are
    the number of times that it has run before, and the carried values: `inits`
    at first, then what it yields behind the condition. It sees the values
    around it.

    Results are the last carried values and then, for each further value that
    the region yields, all of these, joined along a new first dimension. A
    dimension of a carried value may change from one time to the next where its
    type, here and as an argument, does not have it. What is joined has to have
    the same dimensions each time.

    Example:
    ```mlir
    func.func @powers(%n: tensor<i64>, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>) {
      %true = tenon.constant dense<true> : tensor<i1>
      %last, %all = tenon.loop trip(%n : tensor<i64>) (%x) : (tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>) {
      ^bb0(%i: tensor<i64>, %y: tensor<4xf32>):
        %z = tenon.mul %y, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
        tenon.yield %true, %z, %z : tensor<i1>, tensor<4xf32>, tensor<4xf32>
      }
      return %last, %all : tensor<4xf32>, tensor<?x4xf32>
    }
    ```
  }];
  let arguments = (ins Optional<0DTensorOf<[I64]>>:$trip_count,
      Optional<0DTensorOf<[I1]>>:$condition, Variadic<Tenon_Tensor>:$inits);
  let results = (outs Variadic<Tenon_Tensor>:$outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    (`trip` `(` $trip_count^ `:` type($trip_count) `)`)?
    (`while` `(` $condition^ `:` type($condition) `)`)? `(` $inits `)` attr-dict
    `:` functional-type($inits, $outputs) $body
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::tenon::YieldOp getYield();
    unsigned getNumCarried() { return getInits().size(); }
    /// The arguments of the region.
    ::mlir::Value getIteration() { return getBody().getArgument(0); }
    ::mlir::ValueRange getCarried() {
      return getBody().getArguments().drop_front();
    }
    /// What the region yields.
    ::mlir::Value getYieldedCondition();
    ::mlir::ValueRange getYieldedCarried();
    ::mlir::ValueRange getYieldedScans();
    /// Whether only the trip count ends the loop.
    bool isCounted();
  }];
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
