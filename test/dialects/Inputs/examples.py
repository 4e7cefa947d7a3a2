"""Print, as IR that can be parsed, every example in a dialect's documentation.

usage: examples.py DIALECT.md, as mlir-tblgen -gen-dialect-doc writes it.

An example in backquotes after `Example:` is one operation that ends in a
type: it becomes the body of a function whose arguments are its operands. A block of mlir stands as it is. An operation without an example is an
error; a terminator is seen in its parents' examples.
"""

import re
import sys

TERMINATORS = {"tenon.yield"}


def split_types(text):
    """Split a list of types at the commas outside of brackets."""
    types, depth, current = [], 0, ""
    for char in text:
        depth += char in "<([" 
        depth -= char in ">)]"
        if char == "," and depth == 0:
            types.append(current.strip())
            current = ""
        else:
            current += char
    return types + [current.strip()] if current.strip() else types


def wrap(example, number):
    """Make a function around one operation."""
    if re.match(r"[\w.]+ @", example):  # A symbol stands in the module.
        return example + "\n"
    result = re.match(r"[%\w, ]+ = ", example)
    expression = example[result.end() :] if result else example
    before, _, signature = expression.rpartition(" : ")
    operands, arrow, _ = signature.partition(" -> ")
    # Without a function type, all operands are sizes.
    names = re.findall(r"%\w+", before if arrow else expression)
    types = split_types(operands.strip()[1:-1]) if arrow else ["index"] * len(names)
    if len(names) != len(types):
        sys.exit(f"{len(names)} operands but {len(types)} types in: {example}")
    arguments = ", ".join(f"{n}: {t}" for n, t in dict(zip(names, types)).items())
    return f"func.func @example{number}({arguments}) {{\n  {example}\n  return\n}}\n"


def main():
    with open(sys.argv[1], encoding="utf-8") as page:
        sections = re.split(r"^### `([\w.]+)` \(::tenon::[\w:]*Op\)$", page.read(), flags=re.M)
    missing, count = [], 0
    for name, text in zip(sections[1::2], sections[2::2]):
        # What follows the operations (attributes) is not a part of the last.
        text = re.split(r"^## ", text, flags=re.M)[0]
        examples = re.findall(r"Example: `([^`]*)`", text)
        blocks = re.findall(r"Example:\s*```mlir\n(.*?)```", text, flags=re.S)
        if not examples and not blocks and name not in TERMINATORS:
            missing.append(name)
        for example in examples + blocks:
            if name not in example:
                sys.exit(f"an example of {name} doesn't have it: {example}")
            print(f"// {name}")
            one_line = " ".join(example.split())
            print(wrap(one_line, count) if example in examples else example)
            print("// -----\n")
            count += 1
    if missing:
        sys.exit("no example: " + ", ".join(missing))
    print(f"// {count} examples")


if __name__ == "__main__":
    main()
