// RUN: tenon-opt %s --tenon-cpu-expand-math | FileCheck %s

// Functions of f32 become arithmetic.

// CHECK-LABEL: @of_f32(
// CHECK-NOT: math.{{exp|sin|powf|tanh|erf|cosh}}
// CHECK: return
func.func @of_f32(%x: vector<16xf32>, %y: f32) -> (vector<16xf32>, vector<16xf32>, f32, f32) {
  %0 = math.exp %x : vector<16xf32>
  %1 = math.sin %0 : vector<16xf32>
  %2 = math.tanh %1 : vector<16xf32>
  %3 = math.erf %x : vector<16xf32>
  %4 = math.powf %y, %y : f32
  %5 = math.cosh %y : f32
  return %2, %3, %4, %5 : vector<16xf32>, vector<16xf32>, f32, f32
}

// What processors do stays.

// CHECK-LABEL: @of_processors(
// CHECK: math.sqrt
// CHECK: math.floor
// CHECK: math.fma
func.func @of_processors(%x: vector<16xf32>) -> vector<16xf32> {
  %0 = math.sqrt %x : vector<16xf32>
  %1 = math.floor %0 : vector<16xf32>
  %2 = math.fma %0, %1, %x : vector<16xf32>
  return %2 : vector<16xf32>
}

// Doubles are left to libm: as intrinsics of LLVM where there are some, as calls
// where not.

// CHECK-LABEL: @of_f64(
// CHECK: math.exp
// CHECK-COUNT-2: call @erf
// CHECK-COUNT-2: call @sinh
func.func @of_f64(%x: vector<2xf64>) -> vector<2xf64> {
  %0 = math.exp %x : vector<2xf64>
  %1 = math.erf %0 : vector<2xf64>
  %2 = math.sinh %1 : vector<2xf64>
  return %2 : vector<2xf64>
}
