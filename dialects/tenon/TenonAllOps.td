//===- TenonAllOps.td - What the reference page of the dialect describes --===//

#ifndef TENON_ALL_OPS
#define TENON_ALL_OPS

include "dialects/tenon/TenonOps.td"
include "dialects/tenon/TenonOpsArray.td"

#endif // TENON_ALL_OPS
