"""Modules of PTX as C."""

import re

import arithmetic
import together
from operands import Instruction, split

BEGIN = '#include "{0}.h"\n'
ALONE = """
const char *kernel_{0}(u32 blocks, u32 threads, int descending, const u64 *parameters) {{
  struct launch launch = {{"{0}", blocks, threads, descending, parameters}};
  RUN_ALONE(launch, thread_{0});
}}
"""
TOGETHER = """
const u32 shared_bytes_{0} = {1};
const char *kernel_{0}(u32 blocks, u32 threads, int descending, const u64 *parameters) {{
  struct launch launch = {{"{0}", blocks, threads, descending, parameters}};
  return runTogether(launch, thread_{0}, shared_bytes_{0});
}}
"""
# Most of what a thread's stack has room for.
MAX_LOCAL_BYTES = 1 << 16


class SharedMemory:
    """The places of a kernel's variables in shared memory, from SharedBegin on."""

    def __init__(self, outside=None):
        self.bytes = outside.bytes if outside else 0

    def add(self, line):
        """The C for a variable's name; "" if the line is none."""
        match = re.fullmatch(r"(?:\.visible )?\.shared (?:\.align (\d+) )?\.[busf](\d+)\s+([\w$]+)(?:\[(\d+)\])?;", line)
        if not match:
            return ""
        size = int(match[2]) // 8
        align = int(match[1] or size)
        begin = -(-self.bytes // align) * align
        self.bytes = begin + size * int(match[4] or 1)
        return f"#define {match[3]} ((u64)SharedBegin + {begin})"


class Function:
    """A kernel, or a function that kernels call. What it is given and gives back stands in memory: `parameters` has the
    places' names, the one of the result first."""

    def __init__(self, kind, name, parameters, body, first_line, is_together, shared):
        self.is_kernel = kind == "entry"
        self.name = name
        self.parameters = parameters
        self.body = body
        self.line = first_line - 1
        self.is_together = is_together
        self.shared = shared
        self.local_bytes = 0

    def declaration(self):
        places = ["const u64 *parameters"] if self.is_kernel else [f"u64 {name}" for name in self.parameters]
        kind = "thread" if self.is_kernel else "function"
        return f"static void {kind}_{self.name}({', '.join(['struct place *at', *places])})"

    def translate(self):
        lines = [self.declaration() + " {"]
        if self.is_kernel:
            lines += [f"u64 {name} = (u64)(parameters + {i});" for i, name in enumerate(self.parameters)]
        lines.append("u8 carry = 0;")
        begun = ""
        for line in self.body.split("\n"):
            line = (begun + re.sub(r"//.*", "", line)).strip()
            self.line += 1
            if line.startswith("mma.") and not line.endswith(";"):  # written in several lines
                begun = line + " "
                continue
            begun = ""
            if match := re.fullmatch(r"\{ (.*) \}", line):  # a register for one instruction
                lines += ["{", *(self.translate_line(part + ";") for part in match[1].rstrip(";").split("; ")), "}"]
            else:
                lines.append(self.translate_line(line))
        lines.append("}")
        if self.local_bytes > MAX_LOCAL_BYTES:
            raise SystemExit(f"emulate_ptx: {self.name}: {self.local_bytes} bytes of local memory")
        if self.is_kernel:
            lines.append((TOGETHER if self.is_together else ALONE).format(self.name, self.shared.bytes))
        return "\n".join(lines)

    def translate_line(self, line):
        if not line or line.startswith((".pragma", ".loc ", ".file ")):
            return ""
        if line in "{}":
            return line
        if match := re.fullmatch(r"\.reg \.(\w+)\s+%?([\w, %]+)(?:<(\d+)>)?;", line):
            type = "u8" if match[1] == "pred" else "b32" if match[1].endswith("x2") else "b" + re.sub(r"\D", "", match[1])
            names = [f"{match[2]}{i}" for i in range(int(match[3]))] if match[3] else match[2].replace("%", "").split(", ")
            return f"{type} " + ", ".join(f"{name} = 0" for name in names) + ";"
        if match := re.fullmatch(r"\.(?:local|param) (?:\.align (\d+) )?\.b(\d+)\s+(\w+)(?:\[(\d+)\])?;", line):
            size = int(match[2]) // 8 * int(match[4] or 1)
            self.local_bytes += size
            return f"_Alignas({match[1] or size}) u8 bytes_{match[3]}[{size}]; u64 {match[3]} = (u64)bytes_{match[3]};"
        if match := re.fullmatch(r"\$(\w+):", line):
            return f"{match[1]}:;"
        return self.shared.add(line) or self.translate_instruction(line)

    def translate_instruction(self, line):
        match = re.fullmatch(r"(?:@(!?)%(\w+)\s+)?([\w.:]+)(?:\s+(.*))?;", line)
        if not match:
            raise SystemExit(f"emulate_ptx: {self.name}: cannot read '{line}'")
        instruction = Instruction(match[3], split(match[4] or ""), line, self.line)
        statement = together.translate(instruction) or arithmetic.translate(instruction, self.is_together)
        if statement is None:
            raise SystemExit(f"emulate_ptx: {self.name}: no emulation of '{line}'")
        return f"if ({match[1]}{match[2]}) {{ {statement} }}" if match[2] else statement


def translate(ptx):
    """The C for a module."""
    functions = re.compile(
        r"^(?:\.\w+ )*\.(entry|func)\s+(?:\(([^)]*)\)\s*)?([\w$]+)\s*\((.*?)\)\s*(;|[^{;]*\{(.*?)^\})", re.M | re.S)
    outside = functions.sub("", ptx)
    found = list(functions.finditer(ptx))
    # Any of the functions may be called by any kernel.
    called = any(together.PATTERN.search(match[6] or "") for match in found if match[1] == "func")
    is_together = [called or bool(together.PATTERN.search(match[6] or "")) for match in found]
    out = [BEGIN.format("matrices" if any(is_together) else "threads")]
    for match in re.finditer(r"^(?:\.visible )?\.(?:global|const) \.align (\d+) \.(\w+) ([\w$]+)(\[\d*\])?(?: = (.*?))?;",
                             outside, re.M | re.S):
        out.append(f"static _Alignas({match[1]}) {match[2]} data_{match[3]}{match[4] or ''}"
                   + (f" = {match[5]};" if match[5] else ";") + f"\n#define {match[3]} ((u64)data_{match[3]})")
    common = SharedMemory()
    out += [common.add(line.strip()) for line in outside.splitlines()]
    for match, shares in zip(found, is_together):
        places = [place for text in (match[2] or "", match[4]) for place in split(text) if place]
        names = [re.search(r"(\w+)(?:\[\d+\])?$", place)[1] for place in places]
        function = Function(match[1], match[3], names, match[6], ptx.count("\n", 0, match.start(6)) + 1, shares,
                            SharedMemory(common))
        out.append(function.declaration() + ";" if match[5] == ";" else function.translate())
    return "\n".join(out)
