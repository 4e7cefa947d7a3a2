// y = relu(x * w + bias) for any number of rows. The weights are packed in panels of 32 columns, as Tenon packs them, so
// that y [rows, 64, 32] is a row-major [rows, 2048].
#x = affine_map<(i, panel, j, k) -> (i, k)>
#w = affine_map<(i, panel, j, k) -> (panel, k, j)>
#y = affine_map<(i, panel, j, k) -> (i, panel, j)>
#all = affine_map<(i, panel, j) -> (i, panel, j)>
#column = affine_map<(i, panel, j) -> (panel, j)>
func.func @matmul(%x: tensor<?x2048xf32> {bufferization.writable = false}, %w: tensor<64x2048x32xf32>,
                  %bias: tensor<64x32xf32>, %y: tensor<?x64x32xf32> {bufferization.writable = true})
    -> tensor<?x64x32xf32> attributes {llvm.emit_c_interface} {
  %zero = arith.constant 0.0 : f32
  %begin = linalg.generic {indexing_maps = [#column, #all], iterator_types = ["parallel", "parallel", "parallel"]}
      ins(%bias : tensor<64x32xf32>) outs(%y : tensor<?x64x32xf32>) {
  ^bb0(%b: f32, %o: f32):
    linalg.yield %b : f32
  } -> tensor<?x64x32xf32>
  %product = linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "parallel", "reduction"]}
      ins(%x, %w : tensor<?x2048xf32>, tensor<64x2048x32xf32>) outs(%begin : tensor<?x64x32xf32>) attrs = {product} {
  ^bb0(%a: f32, %b: f32, %o: f32):
    %ab = arith.mulf %a, %b : f32
    %sum = arith.addf %o, %ab : f32
    linalg.yield %sum : f32
  } -> tensor<?x64x32xf32>
  %relu = linalg.generic {indexing_maps = [#all], iterator_types = ["parallel", "parallel", "parallel"]}
      outs(%product : tensor<?x64x32xf32>) attrs = {relu} {
  ^bb0(%o: f32):
    %r = arith.maximumf %o, %zero : f32
    linalg.yield %r : f32
  } -> tensor<?x64x32xf32>
  return %relu : tensor<?x64x32xf32>
}
