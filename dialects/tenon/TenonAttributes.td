//===- TenonAttributes.td - Enumerations and attributes -------------------===//

#ifndef TENON_ATTRIBUTES
#define TENON_ATTRIBUTES

include "dialects/tenon/TenonDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Tenon_I32Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::tenon";
  let genSpecializedAttr = 0;
}

class Tenon_EnumAttr<I32EnumAttr enum, string mnemonic>
    : EnumAttr<Tenon_Dialect, enum, mnemonic> {
  let assemblyFormat = "`<` $value `>`";
}

def Tenon_Layout : Tenon_I32Enum<"Layout",
    "where the channel dimension of an image tensor stands", [
      I32EnumAttrCase<"NCHW", 0, "nchw">, I32EnumAttrCase<"NHWC", 1, "nhwc">]>;
def Tenon_LayoutAttr : Tenon_EnumAttr<Tenon_Layout, "layout">;

def Tenon_ReduceKind : Tenon_I32Enum<"ReduceKind", "what a reduction computes", [
      I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Mean", 1, "mean">,
      I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">,
      I32EnumAttrCase<"Prod", 4, "prod">, I32EnumAttrCase<"L1", 5, "l1">,
      I32EnumAttrCase<"L2", 6, "l2">,
      I32EnumAttrCase<"SumSquare", 7, "sum_square">,
      I32EnumAttrCase<"LogSum", 8, "log_sum">,
      I32EnumAttrCase<"LogSumExp", 9, "log_sum_exp">]>;
def Tenon_ReduceKindAttr : Tenon_EnumAttr<Tenon_ReduceKind, "reduce_kind">;

def Tenon_PadMode : Tenon_I32Enum<"PadMode", "what stands outside the input", [
      I32EnumAttrCase<"Constant", 0, "constant">,
      I32EnumAttrCase<"Reflect", 1, "reflect">,
      I32EnumAttrCase<"Edge", 2, "edge">, I32EnumAttrCase<"Wrap", 3, "wrap">]>;
def Tenon_PadModeAttr : Tenon_EnumAttr<Tenon_PadMode, "pad_mode">;

def Tenon_ResizeMode : Tenon_I32Enum<"ResizeMode", "how a resize interpolates", [
      I32EnumAttrCase<"Nearest", 0, "nearest">,
      I32EnumAttrCase<"Linear", 1, "linear">,
      I32EnumAttrCase<"Cubic", 2, "cubic">]>;
def Tenon_ResizeModeAttr : Tenon_EnumAttr<Tenon_ResizeMode, "resize_mode">;

def Tenon_CoordinateMode : Tenon_I32Enum<"CoordinateMode",
    "how an output coordinate becomes an input coordinate", [
      I32EnumAttrCase<"HalfPixel", 0, "half_pixel">,
      I32EnumAttrCase<"PytorchHalfPixel", 1, "pytorch_half_pixel">,
      I32EnumAttrCase<"AlignCorners", 2, "align_corners">,
      I32EnumAttrCase<"Asymmetric", 3, "asymmetric">]>;
def Tenon_CoordinateModeAttr
    : Tenon_EnumAttr<Tenon_CoordinateMode, "coordinate_mode">;

def Tenon_NearestMode : Tenon_I32Enum<"NearestMode",
    "how a nearest resize rounds a coordinate", [
      I32EnumAttrCase<"RoundPreferFloor", 0, "round_prefer_floor">,
      I32EnumAttrCase<"RoundPreferCeil", 1, "round_prefer_ceil">,
      I32EnumAttrCase<"Floor", 2, "floor">, I32EnumAttrCase<"Ceil", 3, "ceil">]>;
def Tenon_NearestModeAttr : Tenon_EnumAttr<Tenon_NearestMode, "nearest_mode">;

def Tenon_PixelFormat : Tenon_I32Enum<"PixelFormat", "the channels of a pixel", [
      I32EnumAttrCase<"RGB", 0, "rgb">, I32EnumAttrCase<"BGR", 1, "bgr">,
      I32EnumAttrCase<"Gray", 2, "gray">]>;
def Tenon_PixelFormatAttr : Tenon_EnumAttr<Tenon_PixelFormat, "pixel_format">;

def Tenon_GeluKind : Tenon_I32Enum<"GeluKind", "which formula a GELU uses", [
      I32EnumAttrCase<"Erf", 0, "erf">, I32EnumAttrCase<"Tanh", 1, "tanh">]>;
def Tenon_GeluKindAttr : Tenon_EnumAttr<Tenon_GeluKind, "gelu_kind">;

def Tenon_Direction : Tenon_I32Enum<"Direction",
    "the direction in which a recurrent network reads its sequence", [
      I32EnumAttrCase<"Forward", 0, "forward">,
      I32EnumAttrCase<"Reverse", 1, "reverse">,
      I32EnumAttrCase<"Bidirectional", 2, "bidirectional">]>;
def Tenon_DirectionAttr : Tenon_EnumAttr<Tenon_Direction, "direction">;

def Tenon_ScatterReduction : Tenon_I32Enum<"ScatterReduction",
    "what an update does to the element that it finds", [
      I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Add", 1, "add">,
      I32EnumAttrCase<"Mul", 2, "mul">, I32EnumAttrCase<"Max", 3, "max">,
      I32EnumAttrCase<"Min", 4, "min">]>;
def Tenon_ScatterReductionAttr
    : Tenon_EnumAttr<Tenon_ScatterReduction, "scatter_reduction">;

def Tenon_SamplePadding : Tenon_I32Enum<"SamplePadding",
    "what a sample finds outside the input", [
      I32EnumAttrCase<"Zeros", 0, "zeros">,
      I32EnumAttrCase<"Border", 1, "border">,
      I32EnumAttrCase<"Reflection", 2, "reflection">]>;
def Tenon_SamplePaddingAttr
    : Tenon_EnumAttr<Tenon_SamplePadding, "sample_padding">;

def Tenon_CellKind : Tenon_I32Enum<"CellKind", "the cell of a recurrent network", [
      I32EnumAttrCase<"Rnn", 0, "rnn">, I32EnumAttrCase<"Gru", 1, "gru">,
      I32EnumAttrCase<"Lstm", 2, "lstm">]>;
def Tenon_CellKindAttr : Tenon_EnumAttr<Tenon_CellKind, "cell_kind">;

/// What a later phase may assume about the machine. It stands on the module as
/// `tenon.target`, so that every phase can start from printed IR.
def Tenon_TargetAttr : AttrDef<Tenon_Dialect, "Target"> {
  let mnemonic = "target";
  let summary = "the processor that the code is for";
  let description = [{
    `triple`, `cpu` and `features` are LLVM's. `vector_bits` is the width of
    the vectors that generated kernels use; `providers` lists the kernel
    providers that may be assigned, in order of preference. `gpus` are the
    architectures of NVIDIA's that kernels are compiled for beside the
    processor, such as `sm_90`, the oldest first and each once.

    Example: `#tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512,
    ["onednn", "codegen"]>`

    Example: `#tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512,
    ["cuda", "codegen"], ["sm_90"]>`
  }];
  let parameters = (ins StringRefParameter<"">:$triple,
      StringRefParameter<"">:$cpu, StringRefParameter<"">:$features,
      "unsigned":$vectorBits, "::mlir::ArrayAttr":$providers,
      OptionalParameter<"::mlir::ArrayAttr">:$gpus);
  let extraClassDeclaration = [{
    /// Whether the processor has a feature, such as "avx512bf16".
    bool hasFeature(::llvm::StringRef feature) const;
  }];
  let genVerifyDecl = 1;
  let assemblyFormat = [{
    `<` $triple `,` $cpu `,` $features `,` $vectorBits `,` $providers
    (`,` $gpus^)? `>`
  }];
}

#endif // TENON_ATTRIBUTES
