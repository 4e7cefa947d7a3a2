//===- TenonOps.td - All operations of the tenon dialect ------------------===//

#ifndef TENON_OPS
#define TENON_OPS

include "dialects/tenon/TenonOpsElementwise.td"
include "dialects/tenon/TenonOpsIndexed.td"
include "dialects/tenon/TenonOpsNN.td"
include "dialects/tenon/TenonOpsShape.td"
include "dialects/tenon/TenonOpsDynamic.td"
include "dialects/tenon/TenonOpsStructure.td"

#endif // TENON_OPS
