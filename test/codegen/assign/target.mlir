// RUN: tenon-opt %s --tenon-assign-providers --split-input-file | FileCheck %s
// RUN: tenon-opt %s --tenon-assign-providers --split-input-file --remarks-filter=assign -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK

// The cheapest of those that the target lists.
// CHECK-LABEL: func.func @both(
// CHECK: tenon.kernel {{.*}} {provider = "onednn"}
// CHECK: tenon.kernel {{.*}} {provider = "codegen"}
// REMARK-DAG: 'onednn' can't because tenon.exp is not a primitive
module attributes {tenon.target = #tenon.target<"x86_64-linux-gnu", "x86-64-v4", "", 512, ["onednn", "codegen"]>} {
  func.func @both(%x: tensor<64x512xf32>, %w: tensor<512x512xf32>) -> tensor<64x512xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<64x512xf32>, tensor<512x512xf32>) -> tensor<64x512xf32> {
      %2 = tenon.matmul %a0, %a1 : (tensor<64x512xf32>, tensor<512x512xf32>) -> tensor<64x512xf32>
      tenon.yield %2 : tensor<64x512xf32>
    }
    %1 = tenon.kernel (%a0 = %0) : (tensor<64x512xf32>) -> tensor<64x512xf32> {
      %2 = tenon.exp %a0 : (tensor<64x512xf32>) -> tensor<64x512xf32>
      tenon.yield %2 : tensor<64x512xf32>
    }
    return %1 : tensor<64x512xf32>
  }
}

// -----

// CHECK-LABEL: func.func @codegen_only(
// CHECK: tenon.kernel {{.*}} {provider = "codegen"}
module attributes {tenon.target = #tenon.target<"aarch64-linux-gnu", "generic", "", 128, ["codegen"]>} {
  func.func @codegen_only(%x: tensor<64x512xf32>, %w: tensor<512x512xf32>) -> tensor<64x512xf32> {
    %0 = tenon.kernel (%a0 = %x, %a1 = %w) : (tensor<64x512xf32>, tensor<512x512xf32>) -> tensor<64x512xf32> {
      %2 = tenon.matmul %a0, %a1 : (tensor<64x512xf32>, tensor<512x512xf32>) -> tensor<64x512xf32>
      tenon.yield %2 : tensor<64x512xf32>
    }
    return %0 : tensor<64x512xf32>
  }
}

// -----

// A kernel that has a provider keeps it.
// CHECK-LABEL: func.func @keeps(
// CHECK: tenon.kernel {{.*}} {provider = "codegen"}
func.func @keeps(%x: tensor<64x512xf32>, %w: tensor<512x512xf32>) -> tensor<64x512xf32> {
  %0 = tenon.kernel (%a0 = %x, %a1 = %w) {provider = "codegen"} : (tensor<64x512xf32>, tensor<512x512xf32>) -> tensor<64x512xf32> {
    %2 = tenon.matmul %a0, %a1 : (tensor<64x512xf32>, tensor<512x512xf32>) -> tensor<64x512xf32>
    tenon.yield %2 : tensor<64x512xf32>
  }
  return %0 : tensor<64x512xf32>
}
