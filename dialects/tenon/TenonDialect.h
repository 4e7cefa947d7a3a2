//===- TenonDialect.h - The tenon dialect ---------------------------------===//

#ifndef TENON_DIALECTS_TENON_TENONDIALECT_H
#define TENON_DIALECTS_TENON_TENONDIALECT_H

#include "mlir/IR/Dialect.h"

#include "dialects/tenon/TenonDialect.h.inc"

#endif // TENON_DIALECTS_TENON_TENONDIALECT_H
