//===- Resampling.h - Resizes that are spelled out ------------------------===//
//
// `tenon.resize` has the ways to resample that exporters use. Here is what
// remains of ONNX's Resize: one dimension at a time, with the elements to read
// and their weights computed by operations, which fold where sizes are static.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_LIB_IMPORT_ONNX_RESAMPLING_H
#define TENON_LIB_IMPORT_ONNX_RESAMPLING_H

#include "lib/import/onnx/Spelling.h"

namespace tenon::onnx_import {

/// How an output coordinate becomes an input coordinate: all that ONNX has.
enum class Coordinates {
  HalfPixel,
  HalfPixelSymmetric,
  PytorchHalfPixel,
  AlignCorners,
  Asymmetric,
  TfHalfPixelForNn,
  TfCropAndResize
};

/// What a resampling does along all of its dimensions.
struct ResampleMethod {
  ResizeMode mode = ResizeMode::Nearest;
  Coordinates coordinates = Coordinates::HalfPixel;
  NearestMode nearest = NearestMode::RoundPreferFloor;
  double cubicCoefficient = -0.75;
  bool excludesOutside = false;
  bool antialiases = false;
  /// Nearest is Ceil, whatever `nearest` says, where the scale is below 1.
  bool prefersCeilWhereShrinking = false;
  double extrapolation = 0;
};

/// One dimension of it. Sizes and scale are of rank 0: i64 and f64.
struct ResampleAxis {
  int64_t axis;
  mlir::Value outputSize, scale;
  /// Of TfCropAndResize: the region, in f64 of rank 0.
  mlir::Value roiBegin, roiEnd;
  /// The scale where it is known, for antialiasing.
  std::optional<double> knownScale;
};

/// Resamples `input` along all axes.
mlir::Value resample(NodeContext &node, mlir::Value input,
                     const ResampleMethod &method,
                     llvm::ArrayRef<ResampleAxis> axes);

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_RESAMPLING_H
