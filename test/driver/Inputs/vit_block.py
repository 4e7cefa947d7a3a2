"""Writes a vision transformer of one block, as narrow as ViT-Ti/16: vit_block.py SOURCE MODEL"""

import sys

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1] + "/utils/models")
import vit_b16

vit_b16.WIDTH, vit_b16.HEADS, vit_b16.INNER, vit_b16.LAYERS = 192, 3, 768, 1
vit_b16.build(sys.argv[2])
