#!/usr/bin/python3
"""Draws the sample pictures of text lines, and expected.txt with what they say.

The pictures are in the repository: this is how they came to be. It needs Debian's python3-pil, python3-numpy,
fonts-dejavu-core and fonts-wqy-zenhei.
"""

import os

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

here = os.path.dirname(os.path.abspath(__file__))
sans = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
serif = "/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf"
chinese = "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"

# File, text, font, size in pixels, ink, paper, angle in degrees.
lines = [
    ("english", "A joint that holds without nails", serif, 36, (32, 34, 48), (243, 239, 228), 0.3),
    ("english2", "Compile once, run anywhere", serif, 40, (24, 60, 104), (232, 238, 244), -0.3),
    ("digits", "0571-8826 4937", sans, 40, (40, 40, 40), (246, 246, 242), 0.4),
    ("chinese", "木工不用一颗钉子也能连接", chinese, 42, (60, 28, 20), (244, 236, 220), -0.4),
    ("chinese2", "今天天气很好我们去公园散步", chinese, 38, (30, 30, 30), (236, 236, 232), 0.2),
    ("mixed", "订单号A1024共36件", chinese, 40, (20, 48, 36), (238, 244, 238), 0.0),
]


def draw(name, text, font_path, size, ink, paper, angle):
    """One line of text as a camera might see it: uneven light, a slight turn and blur, a little noise."""
    font = ImageFont.truetype(font_path, size)
    left, top, right, bottom = font.getbbox(text)
    margin = 10
    width, height = right - left + 2 * margin, max(48, bottom - top + 2 * margin)
    coverage = Image.new("L", (width, height), 0)
    ImageDraw.Draw(coverage).text((margin - left, (height - bottom - top) // 2), text, fill=255, font=font)
    coverage = coverage.rotate(angle, resample=Image.BICUBIC).filter(ImageFilter.GaussianBlur(0.5))
    share = np.asarray(coverage, dtype=np.float32)[..., None] / 255
    pixels = share * np.array(ink) + (1 - share) * np.array(paper)
    light = 1 - 0.12 * np.linspace(0, 1, width)[None, :, None] - 0.05 * np.linspace(0, 1, height)[:, None, None]
    noise = np.random.RandomState(len(name) + size).randint(-3, 4, size=(height, width, 1))
    pixels = np.clip(pixels * light + noise, 0, 255)
    Image.fromarray((pixels + 0.5).astype(np.uint8)).save(os.path.join(here, "pictures", name + ".png"), optimize=True)


def main():
    with open(os.path.join(here, "expected.txt"), "w", encoding="utf-8") as expected:
        for line in lines:
            draw(*line)
            expected.write(f"{line[0]}.png\t{line[1]}\n")


if __name__ == "__main__":
    main()
