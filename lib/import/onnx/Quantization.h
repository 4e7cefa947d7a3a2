//===- Quantization.h - Numbers as scaled integers ------------------------===//

#ifndef TENON_LIB_IMPORT_ONNX_QUANTIZATION_H
#define TENON_LIB_IMPORT_ONNX_QUANTIZATION_H

#include "lib/import/onnx/Spelling.h"

namespace tenon::onnx_import {

/// Scale and zero point of a tensor of integers; `zeroPoint` may be null, which
/// is 0. A number is `(integer - zeroPoint) * scale`.
struct QuantParams {
  mlir::Value scale, zeroPoint;
};

/// Inputs `i` and `i + 1` of the node, of which the second may be absent. Null
/// scale after an error.
QuantParams getQuantParams(NodeContext &node, unsigned i);
/// Brings parameters of one element to rank 0, those of one dimension to
/// dimension `axis` of a tensor of rank `rank`; others stay.
QuantParams fitQuantParams(NodeContext &node, QuantParams params, int64_t axis,
                           int64_t rank);

/// `integers - zeroPoint` as i32.
mlir::Value subtractZeroPoint(NodeContext &node, mlir::Value integers,
                              mlir::Value zeroPoint);
/// The numbers, in float32.
mlir::Value dequantize(NodeContext &node, mlir::Value integers,
                       const QuantParams &params);
/// Numbers in units of the scale, in float32, as integers of `type`: rounded to
/// even, moved by the zero point, and limited to what the type holds.
mlir::Value roundToIntegers(NodeContext &node, mlir::Value numbers,
                            mlir::Value zeroPoint, mlir::Type type);

/// Floats as ui8, with the scale (float32) and the zero point by which 0 to 255
/// cover all of them and 0.
struct DynamicQuantized {
  mlir::Value integers;
  QuantParams params;
};
DynamicQuantized quantizeDynamically(NodeContext &node, mlir::Value input);

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_QUANTIZATION_H
