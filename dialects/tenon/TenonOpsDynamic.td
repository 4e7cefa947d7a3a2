//===- TenonOpsDynamic.td - Results whose size depends on data ------------===//
//
// What is found in data has a size that only the run can tell. There are two
// ways to say it, both of which leave every operation with a size that is known
// before it runs: the number of elements is computed before and is an operand,
// or the result has room for all that there may be and a count tells how much
// of it is meant.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_OPS_DYNAMIC
#define TENON_OPS_DYNAMIC

include "dialects/tenon/TenonBase.td"

def Tenon_RequireOp : Tenon_ShapedOp<"require"> {
  let summary = "the input, unless numbers differ: then an error at run time";
  let description = [{
    Each element of `lhs` has to equal the one of `rhs`. `what` names, in an error
    message, what they are. tenon-guard-shapes makes checks of these operations,
    which then are no more.

    Example: `%y = tenon.require %x, %a, %b {what = "the sum of the sizes"} : (tensor<?x4xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x4xf32>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_ShapeTensor:$lhs,
      Tenon_ShapeTensor:$rhs, StrAttr:$what);
  let results = (outs Tenon_Tensor:$output);
  let hasFolder = 1;
}

def Tenon_NonZeroOp : Tenon_ShapedOp<"nonzero"> {
  let summary = "the indices of the elements that are not 0";
  let description = [{
    Column `j` of the result is the index of the `j`-th such element in row-major
    order; `count` is how many there are. Another number than that is an error at
    run time.

    Example: `%y = tenon.nonzero %x, %n : (tensor<2x3xf32>, tensor<1xi64>) -> tensor<2x?xi64>`
  }];
  let arguments = (ins Tenon_Tensor:$input, Tenon_ShapeTensor:$count);
  let results = (outs RankedTensorOf<[I64]>:$output);
  let elementTypes = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return {::mlir::IntegerType::get(op.getInput().getContext(), 64)};
    }
  }];
}

/// Two or more results, all of i64.
class Tenon_IndexOp<string mnemonic, int numResults, list<Trait> traits = []>
    : Tenon_ShapedOp<mnemonic, traits> {
  let elementTypes = [{
    ::llvm::SmallVector<::mlir::Type> $cppClass::inferElementTypes(Adaptor op) {
      return ::llvm::SmallVector<::mlir::Type>(}] # numResults # [{,
          ::mlir::IntegerType::get(op.getOperands()[0].getContext(), 64));
    }
  }];
}

def Tenon_UniqueOp : Tenon_IndexOp<"unique", 4> {
  let summary = "the distinct rows of a matrix";
  let description = [{
    For an input of `n` rows, `count` is the number of distinct ones. The first
    `count` elements of `indices` (where a row first occurs) and of `counts` (how
    often it occurs) are meant, the others are undefined. `inverse` tells for each
    row which of the distinct ones it is. These are in lexicographic order with
    `sorted`, else in the order of their first occurrence. NaN equals NaN and is
    larger than all numbers.

    Example: `%i, %v, %c, %n = tenon.unique %x {sorted = true} : (tensor<6x2xf32>) -> (tensor<6xi64>, tensor<6xi64>, tensor<6xi64>, tensor<1xi64>)`
  }];
  let arguments = (ins 2DTensorOf<[Tenon_Element]>:$input, BoolAttr:$sorted);
  let results = (outs 1DTensorOf<[I64]>:$indices, 1DTensorOf<[I64]>:$inverse,
      1DTensorOf<[I64]>:$counts, 1DTensorOf<[I64]>:$count);
}

def Tenon_NonMaxSuppressionOp : Tenon_IndexOp<"non_max_suppression", 3> {
  let summary = "the best boxes of each class that don't overlap much";
  let description = [{
    `boxes` is `b x n x 4` and `scores` `b x c x n`. For each batch element and
    class, boxes are taken in the order of their scores, the first one of equal
    ones first, as long as they have more than `score_threshold` (if it is
    there); one whose intersection over union with a box taken before is above
    `iou_threshold` is left out. `limit` is how many are taken at most. The first
    `count` rows of `selected` are (batch, class, box); it has room for all that
    there may be. `order` is of no use outside.

    A box is two opposite corners (y1, x1, y2, x2), or, with `center`, the middle
    and the size (x, y, width, height).

    Example: `%s, %n, %o = tenon.non_max_suppression %b, %p, %m, %i {center = false} : (tensor<1x6x4xf32>, tensor<1x2x6xf32>, tensor<1xi64>, tensor<f32>) -> (tensor<?x3xi64>, tensor<1xi64>, tensor<2x6xi64>)`
  }];
  let arguments = (ins 3DTensorOf<[F32]>:$boxes, 3DTensorOf<[F32]>:$scores,
      Tenon_ShapeTensor:$limit, 0DTensorOf<[F32]>:$iou_threshold,
      Optional<0DTensorOf<[F32]>>:$score_threshold, BoolAttr:$center);
  let results = (outs 2DTensorOf<[I64]>:$selected, 1DTensorOf<[I64]>:$count,
      2DTensorOf<[I64]>:$order);
}

def Tenon_ImageSizeOp : Tenon_IndexOp<"image_size", 1> {
  let summary = "height and width of an encoded image";
  let description = [{
    `encoded` is a file of BMP, JPEG, JPEG 2000, TIFF, PNG, WebP or PNM. Bytes that
    are none, and an image that is too large, are an error at run time.

    Example: `%s = tenon.image_size %x : (tensor<?xui8>) -> tensor<2xi64>`
  }];
  let arguments = (ins 1DTensorOf<[UI8]>:$encoded);
  let results = (outs 1DTensorOf<[I64]>:$size);
}

def Tenon_DecodeImageOp : Tenon_ShapedOp<"decode_image"> {
  let summary = "the pixels of an encoded image";
  let description = [{
    `size` is what `tenon.image_size` finds. The result has a row of pixels after
    another, each of three channels as `format` says (`rgb`, `bgr`) or of one
    (`gray`). Transparency is left out. An image that is damaged is an error at
    run time.

    Example: `%y = tenon.decode_image %x, %s {format = #tenon.pixel_format<rgb>} : (tensor<?xui8>, tensor<2xi64>) -> tensor<?x?x3xui8>`
  }];
  let arguments = (ins 1DTensorOf<[UI8]>:$encoded, Tenon_ShapeTensor:$size,
      Tenon_PixelFormatAttr:$format);
  let results = (outs 3DTensorOf<[UI8]>:$output);
}

#endif // TENON_OPS_DYNAMIC
