//===- tenon-opt.cpp - Run passes over IR ---------------------------------===//

#include "lib/driver/Registration.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  tenon::registerAllDialects(registry);
  mlir::registerAllPasses();
  tenon::registerAllPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Tenon's optimiser driver\n", registry));
}
