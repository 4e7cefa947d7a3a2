"""Instructions that a thread does by itself."""

from operands import FLOATS, operand, place, split, split_list, width

COMPARE = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "lo": "<", "ls": "<=", "hi": ">",
           "hs": ">="}
INFIX = {"add": "+", "sub": "-", "and": "&", "or": "|", "xor": "^"}
# Of the value that these functions have an argument and a result in f64, which rounds to what f32 has but for halves.
FUNCTIONS = {"sqrt": "sqrt({})", "rcp": "1 / ({})", "rsqrt": "1 / sqrt({})", "ex2": "exp2({})", "lg2": "log2({})",
             "sin": "sin({})", "cos": "cos({})", "tanh": "tanh({})"}
ROUND = {"rni": "rint", "rzi": "trunc", "rmi": "floor", "rpi": "ceil"}


def value(type, text):
    if type == "pred":
        return operand(text)
    return f"as_{type}({operand(text)})"


def assign(type, target, expression, parts=()):
    if type == "pred":
        return f"{operand(target)} = {expression};"
    if "relu" in parts:
        expression = f"fmax({expression}, 0)"
    if "sat" in parts and type in FLOATS:
        expression = f"fmin(fmax({expression}, 0), 1)"
    return f"{operand(target)} = bits_{type}({expression});"


def translate_memory(instruction, together):
    name, operands, type = instruction.name, instruction.operands, instruction.type
    is_load = name != "st"
    pointer, data = (operands[1], operands[0]) if is_load else (operands[0], operands[1])
    registers = split_list(data)
    unsigned = type if type[0] in "us" else f"b{width(type)}"
    bytes = width(type) // 8 * len(registers)
    cells = f"({unsigned} *){place(instruction, pointer, bytes, 'Read' if is_load else 'Write', together)}"
    # A narrow signed number fills its register with its sign. What is loaded may be where it is loaded from.
    moves = [f"{operand(register)} = cells[{i}];" if is_load else f"cells[{i}] = {operand(register)};"
             for i, register in enumerate(registers) if register != "_"]
    return f"{{ {unsigned} *cells = {cells}; {' '.join(moves)} }}"


def translate_atomic(instruction, together):
    if not instruction.has("cas"):
        return None
    target, pointer, expected, new = instruction.operands
    type = f"b{width(instruction.type)}"
    cell = f"({type} *){place(instruction, pointer, width(type) // 8, 'Atomic', together)}"
    result = f" {operand(target)} = before;" if target != "_" else ""
    # A register of the result may be an operand.
    return (f"{{ {type} *cell = {cell}, before = *cell; if (before == ({type}){operand(expected)}) "
            f"*cell = {operand(new)};{result} }}")


def translate_move(instruction, together):
    operands, type, parts = instruction.operands, instruction.type, instruction.parts
    if instruction.name == "cvta" and together and instruction.space() == "shared":
        return f"{operand(operands[0])} = {'from' if 'to' in parts else 'to'}Generic({operand(operands[1])});"
    if operands[1].startswith("{"):
        registers = split(operands[1][1:-1])
        step = width(type) // len(registers)
        return f"{operand(operands[0])} = " + " | ".join(
            f"(u64)({operand(register)} & {2**step - 1}ull) << {i * step}" for i, register in enumerate(registers)) + ";"
    if operands[0].startswith("{"):
        registers = split(operands[0][1:-1])
        step = width(type) // len(registers)
        moves = " ".join(f"{operand(register)} = whole >> {i * step};" for i, register in enumerate(registers)
                         if register != "_")
        return f"{{ u64 whole = {operand(operands[1])}; {moves} }}"
    return f"{operand(operands[0])} = {operand(operands[1])};"


def translate_compare(instruction):
    operands, type = instruction.operands, instruction.type
    a, b = (value(type, text) for text in operands[1:3])
    compare = instruction.parts[1]
    if type in FLOATS and compare in ("num", "nan"):
        test = f"({a} == {a} && {b} == {b})"
        return f"{operand(operands[0])} = {'' if compare == 'num' else '!'}{test};"
    if type in FLOATS and compare.endswith("u"):
        negated = {"equ": "!=", "neu": "==", "ltu": ">=", "leu": ">", "gtu": "<=", "geu": "<"}[compare]
        # Where a number is missing, holds what else does not.
        if compare == "equ":
            return f"{operand(operands[0])} = !({a} < {b} || {a} > {b});"
        return f"{operand(operands[0])} = !({a} {negated} {b});"
    if type in FLOATS and compare == "ne":  # false where a number is missing
        return f"{operand(operands[0])} = {a} < {b} || {a} > {b};"
    return f"{operand(operands[0])} = {a} {COMPARE[compare]} {b};"


def translate_conversion(instruction):
    operands, parts = instruction.operands, instruction.parts
    target, source = instruction.types
    if target.endswith("x2"):  # of two numbers, the high one first
        half = target[:-2]
        opcode = ".".join(parts).replace(target, half)
        high, low = (translate_conversion(instruction.changed(opcode, [part, text]))
                     for part, text in zip(("high", "low"), operands[1:]))
        return f"{{ b16 high, low; {high} {low} {operand(operands[0])} = low | (u32)high << 16; }}"
    converted = value(source, operands[1])
    for mode, function in ROUND.items():
        if mode in parts:
            converted = f"{function}((f64){converted})"
    if source in FLOATS and target not in FLOATS:
        converted = f"to_{target}({converted})"
    elif target in FLOATS:
        converted = f"({'f32' if target in ('bf16', 'tf32') else target})({converted})"
    if target[0] == "s":  # fills its register with its sign
        return f"{operand(operands[0])} = ({target})({converted});"
    return assign(target, operands[0], converted, parts if target in FLOATS else ())


def translate_pair(instruction, together):
    """Of two numbers in one register each by itself."""
    half, halves = instruction.type[:-2], []
    opcode = ".".join(instruction.parts).replace(instruction.type, half)
    for part, shift in (("low", 0), ("high", 16)):
        operands = [part, *(f"({operand(text)} >> {shift})" for text in instruction.operands[1:])]
        halves.append(translate(instruction.changed(opcode, operands), together))
    if None in halves:
        return None
    return f"{{ b16 low, high; {' '.join(halves)} {operand(instruction.operands[0])} = low | (u32)high << 16; }}"


def translate_pair_compare(instruction):
    """The first predicate is of the low numbers."""
    if len(instruction.operands) != 3:
        return None
    opcode = ".".join(instruction.parts).replace(instruction.type, instruction.type[:-2])
    return " ".join(
        translate_compare(instruction.changed(
            opcode, [target, *(f"({operand(text)} >> {shift})" for text in instruction.operands[1:])]))
        for target, shift in zip(instruction.operands[0].split("|"), (0, 16)))


def translate_with_carry(instruction):
    name, operands = instruction.name, instruction.operands
    values = [value("u32", text) for text in operands[1:]]
    first = values[0]
    if name.startswith("mad"):
        product = f"((u64){values.pop(0)} * {values[0]})"
        first = f"({product} >> 32)" if instruction.has("hi") else f"(u32){product}"
    sign = "-" if name.startswith("sub") else "+"
    total = f"(u64){first} {sign} {values[1]}" + (f" {sign} carry" if name.endswith("c") else "")
    keep = " carry = total >> 32 & 1;" if instruction.has("cc") else ""
    return f"{{ u64 total = {total}; {operand(operands[0])} = total;{keep} }}"


def translate_product(instruction):
    name, operands, type = instruction.name, instruction.operands, instruction.type
    values = [value(type, text) for text in operands[1:]]
    bits = width(type)
    if type in FLOATS:
        product = (f"{values[0]} * {values[1]}" if name == "mul" else
                   f"fma{'f' if bits == 32 else ''}({values[0]}, {values[1]}, {values[2]})")
        return assign(type, operands[0], product, instruction.parts)
    sign = "u" if type[0] in "ub" else "s"
    if instruction.has("wide"):
        target = sign + str(2 * bits)
        added = f" + {value(target, operands[3])}" if name == "mad" else ""
        return assign(target, operands[0], f"({target}){values[0]} * ({target}){values[1]}{added}")
    if instruction.has("hi"):
        big = f"{'unsigned ' if sign == 'u' else ''}__int128"
        return assign(type, operands[0], f"(({big}){values[0]} * ({big}){values[1]}) >> {bits}")
    added = f" + (u64){values[2]}" if name == "mad" else ""
    return assign(type, operands[0], f"(u64){values[0]} * (u64){values[1]}{added}")


def translate(instruction, together):
    """The C of an instruction, None if it is not known."""
    name, operands, type, parts = instruction.name, instruction.operands, instruction.type, instruction.parts
    if name == "ret":
        return "return;"
    if name == "trap":
        return f"fail(&current, \"thread %u of block %u at '%s'\", at->thread, at->block, {instruction.site()});"
    if name == "bra":
        return f"goto {operands[0][1:]};"
    if name in ("membar", "fence", "prefetch", "prefetchu"):
        return ";"
    if name == "call":
        # (result), function, (arguments), of which the first and the last may be missing
        function = next(text for text in operands if not text.startswith("("))
        places = [text for list in operands if list.startswith("(") for text in split(list[1:-1])]
        return f"function_{function}({', '.join(['at', *places])});"
    if name in ("ld", "ldu", "st"):
        return translate_memory(instruction, together)
    if name == "atom":
        return translate_atomic(instruction, together)
    if name in ("mov", "cvta"):
        return translate_move(instruction, together)
    if name == "setp":
        if type.endswith("x2"):
            return translate_pair_compare(instruction)
        return translate_compare(instruction) if "|" not in operands[0] else None
    if name == "selp":
        return f"{operand(operands[0])} = {operand(operands[3])} ? {operand(operands[1])} : {operand(operands[2])};"
    if name == "cvt":
        return translate_conversion(instruction)
    if type.endswith("x2"):
        return translate_pair(instruction, together)
    values = [value(type, text) for text in operands[1:]]
    bits = width(type)
    if name in ("add", "addc", "sub", "subc", "mad", "madc") and type == "u32" and ("cc" in parts or name.endswith("c")):
        return translate_with_carry(instruction)
    if name in INFIX:
        if type == "pred":
            return f"{operand(operands[0])} = {values[0]} {INFIX[name]} {values[1]};"
        wide = values if type in FLOATS else [f"(u64){value}" for value in values]
        return assign(type, operands[0], f"{wide[0]} {INFIX[name]} {wide[1]}", parts if type in FLOATS else ())
    if name == "not":
        return assign(type, operands[0], f"!{values[0]}" if type == "pred" else f"~{values[0]}")
    if name == "neg":
        return assign(type, operands[0], f"-{values[0]}" if type in FLOATS else f"-(u64){values[0]}")
    if name == "abs":
        return assign(type, operands[0], f"fabs({values[0]})" if type in FLOATS else
                      f"{values[0]} < 0 ? -(u64){values[0]} : {values[0]}")
    if name in ("mul", "mad", "fma"):
        return translate_product(instruction)
    if name in ("div", "rem"):
        if type in FLOATS:
            return assign(type, operands[0], f"{values[0]} / {values[1]}")
        sign = "/" if name == "div" else "%"
        return assign(type, operands[0], f"{values[1]} == 0 ? -1 : {values[0]} {sign} {values[1]}")
    if name in ("min", "max"):
        if type in FLOATS:
            result = f"f{name}({values[0]}, {values[1]})"
            if "NaN" in parts:
                result = f"{values[0]} != {values[0]} || {values[1]} != {values[1]} ? NAN : {result}"
            return assign(type, operands[0], result)
        sign = "<" if name == "min" else ">"
        return assign(type, operands[0], f"{values[0]} {sign} {values[1]} ? {values[0]} : {values[1]}")
    if name in ("shl", "shr"):
        count = f"(u32){operand(operands[2])}"
        if name == "shl":
            return assign(type, operands[0], f"{count} >= {bits} ? 0 : (u64){values[0]} << ({count} & {bits - 1})")
        beyond = f"{values[0]} < 0 ? -1 : 0" if type[0] == "s" else "0"
        return assign(type, operands[0], f"{count} >= {bits} ? {beyond} : {values[0]} >> ({count} & {bits - 1})")
    if name == "bfe":
        start, length = (f"({operand(text)} & 255)" for text in operands[2:4])
        return assign(type, operands[0], f"({values[0]} << ({bits} - {start} - {length})) >> ({bits} - {length})")
    if name == "copysign":
        return assign(type, operands[0], f"copysign({values[1]}, {values[0]})")
    if name == "clz":
        return f"{operand(operands[0])} = {values[0]} ? __builtin_clzll({values[0]}) - {64 - bits} : {bits};"
    if name == "shf":
        low, high, count = (operand(text) for text in operands[1:])
        count = f"({count} & 31)" if "wrap" in parts else f"({count} < 32 ? {count} : 32)"
        both = f"((u64){high} << 32 | {low})"
        return f"{operand(operands[0])} = {f'{both} << {count} >> 32' if 'l' in parts else f'{both} >> {count}'};"
    if name == "prmt" and len(parts) == 2:
        return f"{operand(operands[0])} = permute({', '.join(operand(text) for text in operands[1:])});"
    if name == "popc":
        return f"{operand(operands[0])} = __builtin_popcountll({values[0]});"
    if name in FUNCTIONS and type in FLOATS:
        return assign(type, operands[0], f"({type})({FUNCTIONS[name].format('(f64)' + values[0])})")
    return None
