"""What utils/compare gpu times: sample models at the sizes at which they are used."""


def pictures(name, count, side):
    return {name: {"fill": "noise", "shape": [count, 3, side, side]}}


def texts(count, length):
    ids = {"fill": "ids", "below": 30522, "shape": [count, length]}
    return {"input_ids": ids, "attention_mask": {"fill": "ones", "shape": [count, length]},
            "token_type_ids": {**ids, "below": 2}}


def steps(count, past):
    """One more token behind `past` ones."""
    state = {"fill": "noise", "shape": [count, 12, past, 64]}
    return {"input_ids": {"fill": "ids", "below": 50257, "shape": [count, 1]},
            "attention_mask": {"fill": "ones", "shape": [count, past + 1]},
            **{f"past_key_values.{layer}.{part}": state for layer in range(12) for part in ("key", "value")}}


#: Name, model, inputs; the first dimension of the first input is how many are computed at once.
CASES = [
    *((f"resnet50-{n}", "resnet50", pictures("input", n, 224)) for n in (1, 32, 256)),
    *((f"bert_base-{n}x{length}", "bert_base", texts(n, length)) for n in (1, 32) for length in (128, 384)),
    *((f"vit_b16-{n}", "vit_b16", pictures("pixel_values", n, 224)) for n in (1, 32)),
    *((f"gpt2-{n}-past-{past}", "gpt2", steps(n, past)) for n, past in ((1, 64), (1, 512), (8, 512))),
    *((f"unet-{n}x256x256", "unet", pictures("input", n, 256)) for n in (1, 8)),
]


def as_json(patterns):
    """The cases whose name starts with one of `patterns`, or all."""
    return [{"name": name, "model": model, "inputs": inputs} for name, model, inputs in CASES
            if not patterns or any(name.startswith(p) for p in patterns)]
