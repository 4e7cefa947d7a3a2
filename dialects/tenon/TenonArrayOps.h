//===- TenonArrayOps.h - Operations that few files know -------------------===//
//
// The operations of TenonOpsArray.td, apart from TenonOps.h because nearly
// everything includes that.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_DIALECTS_TENON_TENONARRAYOPS_H
#define TENON_DIALECTS_TENON_TENONARRAYOPS_H

#include "dialects/tenon/TenonOps.h"

#define GET_OP_CLASSES
#include "dialects/tenon/TenonArrayOps.h.inc"

#endif // TENON_DIALECTS_TENON_TENONARRAYOPS_H
