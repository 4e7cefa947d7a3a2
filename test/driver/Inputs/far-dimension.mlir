func.func @main(%x: tensor<?xf32> {tenon.name = "x"}) -> (tensor<?xf32> {tenon.name = "y"}) {
  %c1 = arith.constant 1 : index
  %size = tensor.dim %x, %c1 : tensor<?xf32>
  %zero = arith.constant 0.0 : f32
  %y = tensor.splat %zero[%size] : tensor<?xf32>
  return %y : tensor<?xf32>
}
