//===- Bisect.h - Which pass and which kernel made a result wrong --------===//

#ifndef TENON_LIB_RUN_BISECT_H
#define TENON_LIB_RUN_BISECT_H

#include "lib/run/RunCommand.h"

namespace tenon::run {

/// Compiles the command's ONNX model with more and fewer of the compiler's
/// passes, finds the pass from which on the result differs, and the first
/// kernel whose result does, and prints both. The result is compared with the
/// command's expectations or, without one, with the same model through plain
/// generated loops: no pass that can be left out, no library. Returns
/// TENON_ERROR_DIFFERS if it differs, else 0; throws Error.
int bisect(const RunCommand &command);

} // namespace tenon::run

#endif // TENON_LIB_RUN_BISECT_H
