//===- RtOps.td - What a compiled model asks of the runtime ---------------===//

#ifndef TENON_RT_OPS
#define TENON_RT_OPS

include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/ViewLikeInterface.td"

def Rt_Dialect : Dialect {
  let name = "tenon_rt";
  let summary = "Calls of a compiled model into the runtime";
  let description = [{
    What is left of a kernel once a provider has lowered it. The operations are
    in destination style: on tensors until bufferisation, on memrefs after.
  }];
  let cppNamespace = "::tenon::rt";
}

class Rt_Op<string mnemonic, list<Trait> traits = []>
    : Op<Rt_Dialect, mnemonic, traits>;

def Rt_Shaped : AnyTypeOf<[AnyRankedTensor, AnyStridedMemRef]>;

class Rt_CallOp<string mnemonic, list<Trait> traits = []>
    : Rt_Op<mnemonic, traits # [
        DestinationStyleOpInterface, AttrSizedOperandSegments,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let extraClassDeclaration = [{
    /// What the kernel itself is given: all operands but `flops`.
    ::mlir::OperandRange getArgs() {
      return getOperands().drop_back(getFlops() ? 1 : 0);
    }
    ::mlir::MutableOperandRange getDpsInitsMutable() {
      return getOutputsMutable();
    }
  }];
}

def Rt_LaunchOp : Rt_CallOp<"launch",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a generated kernel over all its units of work";
  let description = [{
    `kernel` is a function whose arguments are the inputs and outputs as
    memrefs, the scalars, and the begin and end of a range of units; it returns
    an `i64` that is 0 on success. The function `<kernel>.units`, of the same
    arguments without the range, returns how many units there are. Units are
    independent: the runtime shares them out to threads. The whole of each
    output is written; what it held before is not read, unless it is the memory
    of an input, which the kernel has to allow (`tenon-write-in-place`). `flops`
    is how many arithmetic operations it does, for profiles, if that is known.
    With `on_device`, the tensors are in the device's memory.

    Example:
    ```mlir
    func.func private @relu(memref<?xf32>, memref<?xf32>, index, index) -> i64
    func.func @call(%x: tensor<?xf32>, %e: tensor<?xf32>) -> tensor<?xf32> {
      %y = tenon_rt.launch @relu(%x) outs(%e) : (tensor<?xf32>) outs(tensor<?xf32>) -> tensor<?xf32>
      return %y : tensor<?xf32>
    }
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<Rt_Shaped>:$inputs,
      Variadic<Rt_Shaped>:$outputs, Variadic<Index>:$scalars,
      Optional<Index>:$flops, UnitAttr:$on_device);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` `outs` `(` $outputs `)` (`scalars` `(` $scalars^ `)`)?
    (`flops` $flops^)? (`on_device` $on_device^)? attr-dict
    `:` `(` type($inputs) `)` `outs` `(` type($outputs) `)` (`->` type($results)^)?
  }];
}

def Rt_TransferOp : Rt_Op<"transfer", [DestinationStyleOpInterface,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "a copy between the memories of the processor and the device";
  let description = [{
    What is on the device can only be read and written by launches `on_device`,
    what is not by everything else. Before bufferisation this is said of values,
    after it of memory.

    Example:
    ```mlir
    func.func @call(%x: tensor<?xf32>, %e: tensor<?xf32>) -> tensor<?xf32> {
      %y = tenon_rt.transfer %x to_device outs(%e) : tensor<?xf32> outs(tensor<?xf32>) -> tensor<?xf32>
      return %y : tensor<?xf32>
    }
    ```
  }];
  let arguments = (ins Rt_Shaped:$source, Rt_Shaped:$target,
      UnitAttr:$to_device);
  let results = (outs Optional<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    $source (`to_device` $to_device^)? `outs` `(` $target `)` attr-dict
    `:` type($source) `outs` `(` type($target) `)` (`->` type($result)^)?
  }];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() {
      return getTargetMutable();
    }
  }];
}

def Rt_LibraryOp : Rt_CallOp<"library"> {
  let summary = "runs a kernel of a library";
  let description = [{
    `provider` names the library and `descriptor` says, in that provider's
    encoding (see the provider's ABI header in `runtime/`), what it does.
    `constants` are the indices of the inputs whose contents never change: the
    runtime packs them once for each model. `flops` is as for a launch.

    Example:
    ```mlir
    func.func @call(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>, %e: tensor<4x4xf32>) -> tensor<4x4xf32> {
      %y = tenon_rt.library "onednn"(%x, %w) outs(%e) {constants = array<i64: 1>, descriptor = array<i64: 1>} : (tensor<4x4xf32>, tensor<4x4xf32>) outs(tensor<4x4xf32>) -> tensor<4x4xf32>
      return %y : tensor<4x4xf32>
    }
    ```
  }];
  let arguments = (ins StrAttr:$provider, Variadic<Rt_Shaped>:$inputs,
      Variadic<Rt_Shaped>:$outputs, Optional<Index>:$flops,
      DenseI64ArrayAttr:$descriptor, DenseI64ArrayAttr:$constants);
  let assemblyFormat = [{
    $provider `(` $inputs `)` `outs` `(` $outputs `)` (`flops` $flops^)?
    attr-dict `:`
    `(` type($inputs) `)` `outs` `(` type($outputs) `)` (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

def Rt_ViewOp : Rt_Op<"view", [Pure,
    DeclareOpInterfaceMethods<ViewLikeOpInterface>]> {
  let summary = "the same elements under another shape";
  let description = [{
    `sizes` are the dynamic dimensions of the result. The source is contiguous,
    and so is the result; both have the same number of elements.

    Example:
    ```mlir
    func.func @flatten(%m: memref<?x4xf32>, %d: index) -> memref<?xf32> {
      %v = tenon_rt.view %m[%d] : memref<?x4xf32> -> memref<?xf32>
      return %v : memref<?xf32>
    }
    ```
  }];
  let arguments = (ins Rt_Shaped:$source, Variadic<Index>:$sizes);
  let results = (outs Rt_Shaped:$result);
  let assemblyFormat =
      "$source `[` $sizes `]` attr-dict `:` type($source) `->` type($result)";
  let hasFolder = 1;
}

def Rt_BufferOp : Rt_Op<"buffer", [Pure]> {
  let summary = "a buffer in the session's arena";
  let description = [{
    `index` counts the buffers of a model; the runtime gives each a place when
    shapes are bound. `sizes` are the dynamic dimensions. With `on_device`, the
    arena is the device's.

    Example: `%b = tenon_rt.buffer 0[%d] : memref<?x4xf32>`
  }];
  let arguments = (ins I64Attr:$index, Variadic<Index>:$sizes,
      UnitAttr:$on_device);
  let results = (outs AnyStridedMemRef:$result);
  let assemblyFormat = "$index `[` $sizes `]` (`on_device` $on_device^)? attr-dict `:` type($result)";
}

def Rt_AllocateOp : Rt_Op<"allocate"> {
  let summary = "memory for what has a size that depends on data";
  let description = [{
    A session keeps one block of memory for each `slot`, which only grows: with
    the sizes of before, or smaller ones, it is the same memory with the same
    contents. Where it has to grow, the contents are lost unless `keep` stands.
    `sizes` are the dynamic dimensions; a negative one is an error at run time.
    With `on_device`, it is the device's memory.

    Example: `%b = tenon_rt.allocate 0[%d] : memref<?x4xf32>`
  }];
  let arguments = (ins I64Attr:$slot, Variadic<Index>:$sizes, UnitAttr:$keep,
      UnitAttr:$on_device);
  let results = (outs Res<AnyStridedMemRef, "", [MemAlloc]>:$result);
  let assemblyFormat =
      "$slot `[` $sizes `]` (`keep` $keep^)? (`on_device` $on_device^)? attr-dict `:` type($result)";
}

def Rt_OutputOp : Rt_Op<"output"> {
  let summary = "the memory of a result whose dimensions depend on data";
  let description = [{
    Tells the runtime the dimensions of result `index` of the model. `sizes` are
    the dynamic ones.

    Example: `%y = tenon_rt.output 0[%d] : memref<?x4xf32>`
  }];
  let arguments = (ins I64Attr:$index, Variadic<Index>:$sizes);
  let results = (outs AnyStridedMemRef:$result);
  let assemblyFormat = "$index `[` $sizes `]` attr-dict `:` type($result)";
}

def Rt_RowOp : Rt_Op<"row", [Pure,
    DeclareOpInterfaceMethods<ViewLikeOpInterface>]> {
  let summary = "the part of memory that belongs to an index of dimension 0";
  let description = [{
    The source is contiguous, and so is the result.

    Example:
    ```mlir
    func.func @second(%m: memref<?x4xf32>) -> memref<4xf32> {
      %c1 = arith.constant 1 : index
      %r = tenon_rt.row %m[%c1] : memref<?x4xf32> -> memref<4xf32>
      return %r : memref<4xf32>
    }
    ```
  }];
  let arguments = (ins AnyStridedMemRef:$source, Index:$index);
  let results = (outs AnyStridedMemRef:$result);
  let assemblyFormat =
      "$source `[` $index `]` attr-dict `:` type($source) `->` type($result)";
  let hasVerifier = 1;
}

def Rt_FailedOp : Rt_Op<"failed"> {
  let summary = "whether there was an error in this run";
  let description = [{
    After an error nothing is computed any more, so that sizes and conditions may
    be anything: loops end by this.

    Example: `%f = tenon_rt.failed`
  }];
  let results = (outs I1:$result);
  let assemblyFormat = "attr-dict";
}

def Rt_WeightOp : Rt_Op<"weight", [Symbol]> {
  let summary = "a constant of the model";
  let description = [{
    Its bytes stand at `offset` in the model's weights. With `device_offset`,
    there is a copy at that place of the device's memory for weights. Both are
    multiples of TENON_BUFFER_ALIGNMENT.

    Example: `tenon_rt.weight @w0 at 64 = dense<0.0> : tensor<4xf32>`

    Example: `tenon_rt.weight @w1 at 128 on_device at 0 = dense<0.0> :
    tensor<4xf32>`
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$offset,
      ElementsAttr:$value, OptionalAttr<I64Attr>:$device_offset);
  let assemblyFormat = [{
    $sym_name `at` $offset (`on_device` `at` $device_offset^)? attr-dict `=`
    $value
  }];
  let extraClassDeclaration = [{
    /// How many bytes it takes.
    uint64_t getBytes();
  }];
  let hasVerifier = 1;
}

def Rt_GetWeightOp : Rt_Op<"get_weight", [Pure]> {
  let summary = "the memory of a `tenon_rt.weight`; it is not written";
  let description = [{
    With `on_device`, it is the copy of the weight in the device's memory, and
    the weight has a place there.

    Example: `%w = tenon_rt.get_weight @w0 : memref<4xf32>`
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight, UnitAttr:$on_device);
  let results = (outs AnyStridedMemRef:$result);
  let assemblyFormat =
      "$weight (`on_device` $on_device^)? attr-dict `:` type($result)";
}

def Rt_ResultShapeOp : Rt_Op<"result_shape"> {
  let summary = "the dimensions of a result of the model";
  let description = [{
    What a caller learns of result `index` when shapes are bound: all its
    dimensions, but for those of a `tenon_rt.output` that depend on data.

    Example: `tenon_rt.result_shape 0 [%d0, %d1]`
  }];
  let arguments = (ins I64Attr:$index, Variadic<Index>:$sizes);
  let assemblyFormat = "$index `[` $sizes `]` attr-dict";
}

def Rt_RequireEqualOp : Rt_Op<"require_equal"> {
  let summary = "an error at run time unless two sizes are equal";
  let description = [{
    Guards what a kernel takes for granted about dynamic dimensions. `what`
    names what has to agree. The rest of the run does nothing after an error.

    Example: `tenon_rt.require_equal %a, %b, "dimension 1 of the operands"`
  }];
  let arguments = (ins Index:$lhs, Index:$rhs, StrAttr:$what);
  let assemblyFormat = "$lhs `,` $rhs `,` $what attr-dict";
  let hasCanonicalizeMethod = 1;
}

#endif // TENON_RT_OPS
