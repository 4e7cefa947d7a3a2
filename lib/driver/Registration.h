//===- Registration.h - All dialects and passes of the compiler -----------===//

#ifndef TENON_LIB_DRIVER_REGISTRATION_H
#define TENON_LIB_DRIVER_REGISTRATION_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace tenon {

/// Adds Tenon's dialects, the upstream ones that its phases use, and the
/// external models that they need.
void registerAllDialects(mlir::DialectRegistry &registry);

/// Registers Tenon's passes and pipelines with MLIR's pass registry. Only tools
/// that take passes by name need it; call it once.
void registerAllPasses();

} // namespace tenon

#endif // TENON_LIB_DRIVER_REGISTRATION_H
