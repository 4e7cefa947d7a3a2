"""U-Net, 3 to 64 … 1024 channels: double convolutions, transposed convolutions upwards, skips by Concat."""

from convnet import ConvNet


def double_conv(g, x, filters):
    for number in ("0", "3"):
        with g.scope("double_conv." + number):
            x = g.relu(g.conv(x, filters, 3, normalise="node"))
    return x


def build(path):
    g = ConvNet("unet", opset=11, height=64, width=64, batch=2)
    x = g.picture_input()
    skips = []
    for level, filters in enumerate((64, 128, 256, 512, 1024)):
        with g.scope(f"down{level}"):
            if level:
                x = g.max_pool(x, 2, 2, 0)
            x = double_conv(g, x, filters)
        skips.append(x)
    skips.pop()
    for level, filters in enumerate((512, 256, 128, 64), 1):
        with g.scope(f"up{level}"):
            x = double_conv(g, g.concat(skips.pop(), g.upsample_conv(x, filters)), filters)
    with g.scope("outc"):
        x = g.conv(x, 2, 1, bias=True)
    g.output(x.name, "logits", ["batch", 2, "height", "width"])
    g.save(path)
