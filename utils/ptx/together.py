"""Instructions for which threads meet, and what they share; see together.h and matrices.h."""

import re

from operands import address, operand, split_list

# What makes threads of a kernel work together.
PATTERN = re.compile(r"\.shared\b|^\s*(?:@!?%\w+\s+)?(?:bar|shfl|mma|ldmatrix|cp)\.", re.M)
# The products of matrices.h.
PRODUCTS = {"m16n8k16_f16", "m16n8k16_bf16", "m16n8k8_tf32"}


def meet(instruction, work, given, results, lanes="allLanes(at)", any_site="false"):
    """The lanes give values, do `work` together, and take the results to registers."""
    statements = [f"member(at)->in[{i}] = {text};" for i, text in enumerate(given)]
    statements.append(f"meet(at, {lanes}, {any_site}, {work}, {instruction.site()});")
    statements += [f"{operand(register)} = member(at)->out[{i}];" for i, register in enumerate(results)
                   if register != "_"]
    return " ".join(statements)


def translate_barrier(instruction):
    operands = instruction.operands
    if instruction.has("warp"):
        return meet(instruction, "syncWarp", [], [], operand(operands[0]), any_site="true")
    if instruction.parts != ["bar", "sync"] or operands != ["0"]:
        return None
    return f"barrier(at, {instruction.site()});"


def translate_product(instruction):
    parts = instruction.parts
    if len(parts) != 10 or parts[1:3] + parts[4:6] != ["sync", "aligned", "row", "col"]:
        return None
    shape, kind = parts[3], parts[7]
    if f"{shape}_{kind}" not in PRODUCTS or parts[6:] != ["f32", kind, kind, "f32"]:
        return None
    d, a, b, c = instruction.operands
    given = [operand(register) for registers in (a, b, c) for register in split_list(registers)]
    return meet(instruction, f"mma_{shape}_{kind}", given, split_list(d))


def translate_copy(instruction):
    parts, operands = instruction.parts, instruction.operands
    if parts[1] != "async" or instruction.has("bulk"):
        return None
    if instruction.has("commit_group"):
        return "commitCopies(at);"
    if instruction.has("wait_group"):
        return f"waitForCopies(at, {operand(operands[0])}, {instruction.site()});"
    if parts[2] not in ("ca", "cg") or len(operands) > 4 or "cache_hint" in instruction.line:
        return None
    taken = operand(operands[3]) if len(operands) == 4 else operand(operands[2])
    return (f"copyAsync(at, {address(operands[0])}, {address(operands[1])}, {operand(operands[2])}, {taken}, "
            f"{instruction.site()});")


def translate(instruction):
    """The C of an instruction, None if it is not known, or one that a thread does by itself."""
    name, operands, parts = instruction.name, instruction.operands, instruction.parts
    if name == "bar":
        return translate_barrier(instruction)
    if name == "mma":
        return translate_product(instruction)
    if name == "cp":
        return translate_copy(instruction)
    if name == "shfl":
        targets = operands[0].split("|")
        return meet(instruction, f"shuffle_{parts[2]}", [operand(text) for text in operands[1:4]], targets,
                    operand(operands[4]))
    if name == "ldmatrix" and instruction.has("sync", "aligned", "m8n8", "x4", "b16"):
        text = address(operands[1])
        # Those of lanes that name no row may be anything.
        given = f"toGeneric({text})" if instruction.space() == "shared" else text
        return meet(instruction, "ldmatrix_trans" if instruction.has("trans") else "ldmatrix", [given],
                    split_list(operands[0]))
    return None
