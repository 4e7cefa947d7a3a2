//===- Passes.td - The passes of the compress phase -----------------------===//
//
// In the order in which the pipeline runs them. Each trades exactness for size
// or speed, so that none runs unless it is asked for: a new one brings an option
// of the pipeline (Pipeline.h).
//
//===----------------------------------------------------------------------===//

#ifndef TENON_TRANSFORMS_COMPRESS_PASSES
#define TENON_TRANSFORMS_COMPRESS_PASSES

include "mlir/Pass/PassBase.td"

def NarrowIo : Pass<"tenon-narrow-io", "::mlir::ModuleOp"> {
  let summary = "Give inputs and outputs of f32 a type of 16 bits";
  let description = [{
    An input or output whose name matches one of the globs in `half-io` gets the
    type bf16 or f16: a cast widens the input where it comes in, and one rounds
    the output before it is returned. `tenon-convert-precision`, which is next,
    reads such an input as it is, and has such an output made narrow where it
    may be. Of a model that appends to a cache, and gives it back, nothing is
    left in f32 then.

    What is no f32, and sequences and optionals, stay as they are. A glob that
    matches no input or output of f32 is an error.

    Before:
    ```mlir
    func.func @main(%past: tensor<4x8xf32> {tenon.name = "past"}) -> (tensor<4x8xf32> {tenon.name = "present"}) {
      %0 = tenon.relu %past : (tensor<4x8xf32>) -> tensor<4x8xf32>
      return %0 : tensor<4x8xf32>
    }
    ```
    After, with `half-io=pa*`:
    ```mlir
    func.func @main(%past: tensor<4x8xbf16> {tenon.name = "past"}) -> (tensor<4x8xf32> {tenon.name = "present"}) {
      %wide = tenon.cast %past {to = f32} : (tensor<4x8xbf16>) -> tensor<4x8xf32>
      %0 = tenon.relu %wide : (tensor<4x8xf32>) -> tensor<4x8xf32>
      return %0 : tensor<4x8xf32>
    }
    ```
  }];
  let options = [
    Option<"precision", "precision", "std::string", "\"bf16\"",
           "The type that they get: bf16 or fp16">,
    ListOption<"halfIo", "half-io", "std::string",
               "Globs of the names of inputs and outputs">
  ];
  let dependentDialects = ["::tenon::TenonDialect"];
  let statistics = [
    Statistic<"numNarrowed", "num-narrowed", "Inputs and outputs narrowed">
  ];
}

def ConvertPrecision : Pass<"tenon-convert-precision", "::mlir::ModuleOp"> {
  let summary = "Multiply in bf16 or f16, and store tensors so in between";
  let description = [{
    Convolutions, matrix products and attention of f32 get factors of the narrower
    type and become `wide`: their sums stay f32. Constant factors are rounded now,
    others by a `tenon.cast`.

    All other arithmetic stays f32. But a tensor between two such operations is
    stored narrow: a cast rounds it where it is made, and each reader casts it
    back. Fusion puts both casts into the kernels that compute and read it. This
    is done for a tensor that

    1. depends on a converted operation, and on which another one depends;
    2. no operation behind it would continue in the same kernel;
    3. is read only by converted operations, by elementwise operations, by
       reductions and layer norms, and by what moves or picks elements (pools
       too), which is then done on the narrow tensor.

    The following stay f32: what the model is given and gives (but for what
    `tenon-narrow-io` has narrowed), what branches and loops yield, recurrent
    states, and what softmax, exponentials, powers, logarithms, comparisons and
    conversions to integers read. A matrix product over one element is no sum
    and stays too, and so does an attention whose keys or values are f32 for
    another reason, as a decoder's cache is. The constant that a `tenon.gather`
    picks rows from (an embedding) is stored narrow if it is large and what is
    picked is only computed with, up to a contraction or a norm.

    A node whose name matches one of the globs in `keep-fp32` (`*` is any text, `?`
    any character, `[a-z]` one of some) stays f32 with all that it reads and
    gives. One that matches nothing is an error.

    With the precision `tf32` all of it stays f32, and the module gets the
    attribute `tenon.tf32`: a GPU may round factors when it multiplies.

    Before:
    ```mlir
    %0 = tenon.matmul %x, %w : (tensor<4x8xf32>, tensor<8x16xf32>) -> tensor<4x16xf32>
    %1 = tenon.relu %0 : (tensor<4x16xf32>) -> tensor<4x16xf32>
    %y = tenon.matmul %1, %v : (tensor<4x16xf32>, tensor<16x2xf32>) -> tensor<4x2xf32>
    ```
    After, with `%w` and `%v` constants of bf16:
    ```mlir
    %a = tenon.cast %x {to = bf16} : (tensor<4x8xf32>) -> tensor<4x8xbf16>
    %0 = tenon.matmul %a, %w {wide} : (tensor<4x8xbf16>, tensor<8x16xbf16>) -> tensor<4x16xf32>
    %1 = tenon.relu %0 : (tensor<4x16xf32>) -> tensor<4x16xf32>
    %b = tenon.cast %1 {to = bf16} : (tensor<4x16xf32>) -> tensor<4x16xbf16>
    %y = tenon.matmul %b, %v {wide} : (tensor<4x16xbf16>, tensor<16x2xbf16>) -> tensor<4x2xf32>
    ```
  }];
  let options = [
    Option<"precision", "precision", "std::string", "\"bf16\"",
           "The type of factors: bf16 or fp16; or tf32">,
    ListOption<"keepFp32", "keep-fp32", "std::string",
               "Globs of the names of nodes that stay f32">
  ];
  let dependentDialects = ["::tenon::TenonDialect"];
  let statistics = [
    Statistic<"numConverted", "num-converted",
              "Convolutions, matrix products and attentions converted">,
    Statistic<"numNarrowed", "num-narrowed",
              "Tensors in between that are stored narrow">,
    Statistic<"numConstants", "num-constants", "Constants converted">
  ];
}

#endif // TENON_TRANSFORMS_COMPRESS_PASSES
