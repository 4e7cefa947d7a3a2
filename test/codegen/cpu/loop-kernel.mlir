// RUN: tenon-opt %s --tenon-lower-kernels | FileCheck %s

module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["codegen"]>} {

// Dimensions that all operands have alike become one: a loop over vectors, with
// one masked vector for the rest. The kernel is launched on what it writes. LLVM
// is to leave the loop over units as it is, and may do as it likes in them.

// CHECK: #[[ONCE:.*]] = #llvm.loop_vectorize<disable = true>
// CHECK: #[[UNITS:.*]] = #llvm.loop_annotation<vectorize = #[[ONCE]]>
// CHECK-LABEL: func.func @pointwise(
// CHECK-SAME: %[[X:.*]]: tensor<?x?xf32>, %[[Y:.*]]: tensor<?x?xf32>
// CHECK: %[[OUT:.*]] = tensor.empty(%{{.*}}, %{{.*}}) : tensor<?x?xf32>
// CHECK: tenon_rt.launch @k0_add(%[[X]], %[[Y]]) outs(%[[OUT]])
func.func @pointwise(%x: tensor<?x?xf32>, %y: tensor<?x?xf32>, %m: index, %n: index) -> tensor<?x?xf32> {
  %0 = tenon.kernel (%a = %x, %b = %y) dims(%m, %n) {provider = "codegen"} : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32> {
    %1 = tenon.add %a, %b : (tensor<?x?xf32>, tensor<?x?xf32>) -> tensor<?x?xf32>
    tenon.yield %1 : tensor<?x?xf32>
  }
  return %0 : tensor<?x?xf32>
}

// A concatenation is a loop for each operand, without a choice inside.

func.func @concat(%x: tensor<4x32xf32>, %y: tensor<4x16xf32>) -> tensor<4x48xf32> {
  %0 = tenon.kernel (%a = %x, %b = %y) {provider = "codegen"} : (tensor<4x32xf32>, tensor<4x16xf32>) -> tensor<4x48xf32> {
    %1 = tenon.concat %a, %b {axis = 1 : i64} : (tensor<4x32xf32>, tensor<4x16xf32>) -> tensor<4x48xf32>
    tenon.yield %1 : tensor<4x48xf32>
  }
  return %0 : tensor<4x48xf32>
}

// A transpose moves squares: contiguous loads, shuffles, contiguous stores.

func.func @transpose(%x: tensor<64x32xf32>) -> tensor<32x64xf32> {
  %0 = tenon.kernel (%a = %x) {provider = "codegen"} : (tensor<64x32xf32>) -> tensor<32x64xf32> {
    %1 = tenon.transpose %a {permutation = array<i64: 1, 0>} : (tensor<64x32xf32>) -> tensor<32x64xf32>
    tenon.yield %1 : tensor<32x64xf32>
  }
  return %0 : tensor<32x64xf32>
}

// An index out of range is reported, and nothing is read there. Elements of i1
// are bytes in memory.

func.func @gather(%x: tensor<9x32xi1>, %i: tensor<4xi64>) -> tensor<4x32xi1> {
  %0 = tenon.kernel (%a = %x, %b = %i) {provider = "codegen"} : (tensor<9x32xi1>, tensor<4xi64>) -> tensor<4x32xi1> {
    %1 = tenon.gather %a, %b {axis = 0 : i64} : (tensor<9x32xi1>, tensor<4xi64>) -> tensor<4x32xi1>
    tenon.yield %1 : tensor<4x32xi1>
  }
  return %0 : tensor<4x32xi1>
}

// CHECK: func.func private @k0_add(
// CHECK-SAME: %[[A:.*]]: memref<?x?xf32> {llvm.noalias}, %[[B:.*]]: memref<?x?xf32> {llvm.noalias}, %[[C:.*]]: memref<?x?xf32> {llvm.noalias}, %[[BEGIN:.*]]: index, %[[END:.*]]: index) -> i64
// CHECK-SAME: tenon.units = @k0_add.units
// CHECK-DAG: %[[A1:.*]] = memref.reinterpret_cast %[[A]]
// CHECK-DAG: %[[B1:.*]] = memref.reinterpret_cast %[[B]]
// CHECK-DAG: %[[C1:.*]] = memref.reinterpret_cast %[[C]]
// CHECK: scf.for {{.*}} = %[[BEGIN]] to %[[END]]
// CHECK: scf.for %[[I:.*]] =
// CHECK-DAG: %[[VA:.*]] = vector.load %[[A1]][%[[I]]] : memref<?xf32>, vector<16xf32>
// CHECK-DAG: %[[VB:.*]] = vector.load %[[B1]][%[[I]]] : memref<?xf32>, vector<16xf32>
// CHECK: %[[SUM:.*]] = arith.addf %[[VA]], %[[VB]] : vector<16xf32>
// CHECK: vector.store %[[SUM]], %[[C1]][%[[I]]]
// CHECK: scf.if
// CHECK: %[[MASK:.*]] = vector.create_mask
// CHECK: vector.maskedload %{{.*}}[%{{.*}}], %[[MASK]]
// CHECK-NOT: loop_annotation
// CHECK: vector.maskedstore %{{.*}}[%{{.*}}], %[[MASK]]
// CHECK: scf.yield
// CHECK-NEXT: } {loop_annotation = #[[UNITS]]}
// CHECK: func.func private @k0_add.units({{.*}}) -> index

// CHECK: func.func private @k1_concat(
// CHECK-NOT: scf.if
// CHECK: scf.for
// CHECK-NOT: scf.if
// CHECK: vector.load
// CHECK: scf.for
// CHECK-NOT: scf.if
// CHECK: vector.load
// CHECK: func.func private @k1_concat.units

// CHECK: func.func private @k2_transpose(
// CHECK-NOT: vector.gather
// CHECK-COUNT-16: vector.load
// CHECK-COUNT-64: vector.shuffle
// CHECK: vector.store
// CHECK-NOT: vector.gather
// CHECK: func.func private @k2_transpose.units

// CHECK: func.func private @k3_gather(
// CHECK-SAME: memref<9x32xi8>
// CHECK: %[[FAILED:.*]] = memref.alloca() : memref<i64>
// CHECK: %[[GOOD:.*]] = arith.cmpi ult
// CHECK: %[[BAD:.*]] = arith.xori %[[GOOD]]
// CHECK: scf.if %[[BAD]]
// CHECK: memref.store %{{.*}}, %[[FAILED]]
// CHECK: scf.if %[[GOOD]]
// CHECK: vector.load %{{.*}} : memref<288xi8>, vector<{{.*}}xi8>
// CHECK: %[[STATUS:.*]] = memref.load %[[FAILED]]
// CHECK: return %[[STATUS]] : i64
}
