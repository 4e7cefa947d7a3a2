"""Operands of PTX, and what each kind of instruction shares."""

import re

SPECIAL = {"%tid.x": "at->thread", "%ntid.x": "at->threads", "%ctaid.x": "at->block", "%nctaid.x": "at->blocks",
           "%laneid": "at->thread % 32", "%warpid": "at->thread / 32", "WARP_SZ": "32"}
for special in ("%tid", "%ctaid"):
    SPECIAL |= {f"{special}.y": "0", f"{special}.z": "0"}
for special in ("%ntid", "%nctaid"):
    SPECIAL |= {f"{special}.y": "1", f"{special}.z": "1"}
FLOATS = {"f16", "bf16", "f32", "f64", "tf32"}


def is_type(part):
    return re.fullmatch(r"[busf]\d+(x2)?|bf16(x2)?|tf32|pred", part) is not None


def width(type):
    """A type's bits."""
    return 32 if type == "tf32" or type.endswith("x2") else int(re.sub(r"\D", "", type) or 1)


def operand(text):
    """An operand's bits as a C expression. What is one already stays."""
    text = text.strip()
    if text in SPECIAL:
        return f"({SPECIAL[text]})"
    if match := re.fullmatch(r"(!?)%(\w+)", text):
        return match[1] + match[2]
    if match := re.fullmatch(r"0f([0-9A-Fa-f]{8})", text):
        return f"0x{match[1]}u"
    if match := re.fullmatch(r"0d([0-9A-Fa-f]{16})", text):
        return f"0x{match[1]}ull"
    if re.fullmatch(r"(-?\d+|0x[0-9a-fA-F]+)U?", text):
        value = int(text.rstrip("U"), 0)
        return "INT64_MIN" if value == -(2**63) else f"{value}ll" if value < 2**63 else f"{value}ull"
    if text in ("true", "false"):
        return "1" if text == "true" else "0"
    return text


def address(text):
    """`[%rd1+8]` or `[name+8]`."""
    inside = text.strip()[1:-1]
    match = re.fullmatch(r"([^+]+?)\s*(?:\+\s*(-?\d+))?", inside)
    return f"((u64){operand(match[1])} + {match[2] or 0})"


def split(text):
    """Operands; one in brackets of any kind may be a list."""
    return [part.strip() for part in re.findall(r"\s*(?:\{[^}]*\}|\[[^\]]*\]|\([^)]*\)|[^,]+)", text)]


def split_list(text):
    """The registers of `{a, b}`, or of `a`."""
    return split(text[1:-1]) if text.startswith("{") else [text]


class Instruction:
    """One instruction: its name with the parts behind it, its operands, and where it stands."""

    def __init__(self, opcode, operands, line, number):
        self.parts = opcode.split(".")
        self.name = self.parts[0]
        self.operands = operands
        self.line = line
        self.number = number
        self.types = [part for part in self.parts[1:] if is_type(part)]
        self.type = self.types[-1] if self.types else ""

    def changed(self, opcode, operands):
        return Instruction(opcode, operands, self.line, self.number)

    def has(self, *parts):
        return all(part in self.parts for part in parts)

    def space(self):
        """The memory of what has an address: "" if the address says it."""
        found = (part.split("::")[0] for part in self.parts[1:])
        return next((part for part in found if part in ("global", "shared", "local", "param", "const")), "")

    def site(self):
        """The instruction for messages, a string of C. There is no other of it."""
        text = " ".join(self.line.split()).replace('"', "'")
        return f'"line {self.number}: {text}"'


def place(instruction, text, size, access, together):
    """The place of `size` bytes at the address `text`, checked for what a GPU would not do."""
    space = instruction.space()
    if space in ("local", "param"):
        return address(text)
    check = {"shared": "shared", "": "generic"}.get(space, "aligned") if together else "aligned"
    access = "" if check == "aligned" else f", {access}"
    return f"{check}(at, {address(text)}, {size}{access}, {instruction.site()})"
