"""EfficientNet-B0: inverted residuals with squeeze and excitation, swish as Sigmoid and Mul."""

from convnet import ConvNet


def squeeze_excite(g, x, squeezed):
    with g.scope("se"):
        s = g.global_average_pool(x)
        with g.scope("reduce"):
            s = g.swish(g.conv(s, squeezed, 1, bias=True))
        with g.scope("expand"):
            s = g.sigmoid(g.conv(s, x.sample.shape[1], 1, bias=True))
        return g.multiply(x, s)


def mbconv(g, x, filters, kernel, stride, expand):
    channels = x.sample.shape[1]
    y = x
    if expand != 1:
        with g.scope("expand"):
            y = g.swish(g.conv(y, channels * expand, 1, normalise="node"))
    with g.scope("depthwise"):
        y = g.swish(g.conv(y, channels * expand, kernel, stride, groups=channels * expand, normalise="node"))
    y = squeeze_excite(g, y, max(1, channels // 4))
    with g.scope("project"):
        y = g.conv(y, filters, 1, normalise="node", gamma=0.5)
    return g.add(y, x) if stride == 1 and channels == filters else y


def build(path):
    g = ConvNet("efficientnet_b0", opset=13, height=224, width=224)
    x = g.picture_input()
    with g.scope("stem"):
        x = g.swish(g.conv(x, 32, 3, 2, normalise="node"))
    for stage, (expand, filters, repeats, stride, kernel) in enumerate(
            ((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5),
             (6, 192, 4, 2, 5), (6, 320, 1, 1, 3))):
        for block in range(repeats):
            with g.scope(f"blocks.{stage}", f"blocks.{stage}.{block}"):
                x = mbconv(g, x, filters, kernel, stride if block == 0 else 1, expand)
    with g.scope("head"):
        x = g.swish(g.conv(x, 1280, 1, normalise="node"))
    g.classifier(x)
    g.save(path)
