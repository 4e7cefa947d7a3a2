"""Instructions for which threads meet, and what they share; see together.h and matrices.h."""

import re

from operands import address, operand, split_list

# What makes threads of a kernel work together.
PATTERN = re.compile(r"\.shared\b|^\s*(?:@!?%\w+\s+)?(?:bar|barrier|shfl|vote|match|redux|mma|ldmatrix|activemask|cp)\.", re.M)
# The products of matrices.h, and the types of their sums.
PRODUCTS = {"m16n8k16_f16", "m16n8k8_f16", "m16n8k16_bf16", "m16n8k8_bf16", "m16n8k8_tf32", "m16n8k4_tf32",
            "m16n8k32_s8", "m16n8k16_s8"}
SUMS = {"f16": "f32", "bf16": "f32", "tf32": "f32", "s8": "s32"}


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
    if not instruction.has("sync"):
        return None
    count = operand(operands[1]) if len(operands) > 1 else "0"
    aligned = instruction.name == "bar" or instruction.has("aligned")
    return f"barrier(at, {operand(operands[0])}, {count}, {'true' if aligned else 'false'}, {instruction.site()});"


def translate_product(instruction):
    parts = instruction.parts
    if len(parts) != 10 or parts[1:3] + parts[4:6] != ["sync", "aligned", "row", "col"]:
        return None
    shape, kind = parts[3], parts[7]
    if f"{shape}_{kind}" not in PRODUCTS or parts[6:] != [SUMS[kind], kind, kind, SUMS[kind]]:
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
    if instruction.has("wait_all"):
        return f"waitForAllCopies(at, {instruction.site()});"
    if parts[2] not in ("ca", "cg") or len(operands) > 4 or "cache_hint" in instruction.line:
        return None
    taken = operand(operands[3]) if len(operands) == 4 else operand(operands[2])
    return (f"copyAsync(at, {address(operands[0])}, {address(operands[1])}, {operand(operands[2])}, {taken}, "
            f"{instruction.site()});")


def translate(instruction):
    """The C of an instruction, None if it is not known, or one that a thread does by itself."""
    name, operands, parts = instruction.name, instruction.operands, instruction.parts
    if name in ("bar", "barrier"):
        return translate_barrier(instruction)
    if name == "mma":
        return translate_product(instruction)
    if name == "cp":
        return translate_copy(instruction)
    if name == "shfl":
        targets = operands[0].split("|")
        return meet(instruction, f"shuffle_{parts[2]}", [operand(text) for text in operands[1:4]], targets,
                    operand(operands[4]))
    if name == "vote":
        return meet(instruction, f"vote_{parts[2]}", [operand(operands[1])], operands[:1], operand(operands[2]))
    if name == "match":
        targets = operands[0].split("|")
        work = meet(instruction, f"vote_match_{parts[1]}", [operand(operands[1])], targets[:1], operand(operands[2]))
        return work + (f" {operand(targets[1])} = {operand(targets[0])} != 0;" if len(targets) > 1 else "")
    if name == "redux" and instruction.type[0] in "usb":
        return meet(instruction, f"redux_{parts[2]}_{instruction.type}", [operand(operands[1])], operands[:1],
                    operand(operands[2]))
    if name == "activemask":
        return f"{operand(operands[0])} = allLanes(at);"
    if name == "ldmatrix" and instruction.has("sync", "aligned", "m8n8", "b16"):
        count = next(part for part in parts if part in ("x1", "x2", "x4"))
        text = address(operands[1])
        # Those of lanes that name no row may be anything.
        given = f"toGeneric({text})" if instruction.space() == "shared" else text
        return meet(instruction, f"ldmatrix_{count}{'_trans' if instruction.has('trans') else ''}", [given],
                    split_list(operands[0]))
    return None
