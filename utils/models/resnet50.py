"""ResNet-50 v1.5: bottlenecks with their stride in the 3×3 convolution, batch normalisation as nodes of its own."""

from convnet import ConvNet


def bottleneck(g, x, width, stride, project):
    with g.scope("conv1"):
        y = g.relu(g.conv(x, width, 1, normalise="node"))
    with g.scope("conv2"):
        y = g.relu(g.conv(y, width, 3, stride, normalise="node"))
    with g.scope("conv3"):
        y = g.conv(y, 4 * width, 1, normalise="node", gamma=0.5)
    if project:
        with g.scope("downsample"):
            x = g.conv(x, 4 * width, 1, stride, normalise="node")
    return g.relu(g.add(y, x))


def build(path):
    g = ConvNet("resnet50", opset=13)
    x = g.picture_input()
    with g.scope("stem"):
        x = g.relu(g.conv(x, 64, 7, 2, normalise="node"))
        x = g.max_pool(x, 3, 2, 1)
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3)), 1):
        for block in range(blocks):
            with g.scope(f"layer{stage}", f"layer{stage}.{block}"):
                x = bottleneck(g, x, width, 2 if stage > 1 and block == 0 else 1, block == 0)
    g.classifier(x)
    g.save(path)
