"""MobileNetV2: inverted residuals, ReLU6 as Clip, batch normalisation already folded, as exporters leave it."""

from convnet import ConvNet


def inverted_residual(g, x, filters, stride, expand):
    channels = x.sample.shape[1]
    y = x
    if expand != 1:
        with g.scope("expand"):
            y = g.relu6(g.conv(y, channels * expand, 1, normalise="folded"))
    with g.scope("depthwise"):
        y = g.relu6(g.conv(y, channels * expand, 3, stride, groups=channels * expand, normalise="folded"))
    with g.scope("project"):
        y = g.conv(y, filters, 1, normalise="folded", gamma=0.5)
    return g.add(x, y) if stride == 1 and channels == filters else y


def build(path):
    g = ConvNet("mobilenet_v2", opset=11, height=224, width=224)
    x = g.picture_input()
    with g.scope("features.0"):
        x = g.relu6(g.conv(x, 32, 3, 2, normalise="folded"))
    number = 1
    for expand, filters, repeats, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                             (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for block in range(repeats):
            with g.scope(f"features.{number}"):
                x = inverted_residual(g, x, filters, stride if block == 0 else 1, expand)
            number += 1
    with g.scope(f"features.{number}"):
        x = g.relu6(g.conv(x, 1280, 1, normalise="folded"))
    g.classify(g.node("ReduceMean", x.name, axes=[2, 3], keepdims=0), x.sample.mean(axis=(2, 3)))
    g.save(path)
