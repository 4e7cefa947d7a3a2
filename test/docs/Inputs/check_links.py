"""Checks what the documentation points at: relative links, their headings, and files of the repository in backquotes.

usage: check_links.py SOURCE, the root of the repository. Prints what is not there, one a line, then what was checked.
"""

import glob
import os
import re
import sys

# What a path in backquotes begins with. Paths with a placeholder (NAME, <Kind>) are not files.
FOLDERS = ("cmake", "codegen", "dialects", "docs", "examples", "include", "lib", "runtime", "test", "tools", "transforms",
           "utils", ".ci")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(?:%s)/[\w./*{},+-]*[\w*}/]" % "|".join(re.escape(folder) for folder in FOLDERS))


def pages(root):
    """README.md, docs/ and the READMEs of examples; not what is generated."""
    found = [os.path.join(root, "README.md")]
    found += glob.glob(os.path.join(root, "docs", "*.md"))
    found += glob.glob(os.path.join(root, "examples", "*", "README.md"))
    return sorted(found)


def anchors(path):
    """The anchors that the headings of a page get."""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"^```.*?^```", "", file.read(), flags=re.M | re.S)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ +(.+?) *$", text, re.M)}


def expand(path):
    """`a/{b,c}` as two paths."""
    match = re.search(r"\{([^{}]*)\}", path)
    if not match:
        return [path]
    return [result for choice in match[1].split(",")
            for result in expand(path[:match.start()] + choice + path[match.end():])]


def check(page, root):
    """(checked, problems) of one page."""
    with open(page, encoding="utf-8") as file:
        text = file.read()
    problems, checked = [], 0
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.M | re.S)
    for target in LINK.findall(prose):
        if re.match(r"[a-z]+:", target):
            continue
        checked += 1
        path, _, anchor = target.partition("#")
        full = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not os.path.exists(full):
            problems.append(f"link to {target}")
        elif anchor and anchor not in anchors(full):
            problems.append(f"heading of {target}")
    # Commands in blocks name scripts: these are checked too.
    blocks = "\n".join(re.findall(r"^ *```sh\n(.*?)^ *```", text, re.M | re.S))
    words = [code for code in CODE.findall(prose)] + re.findall(r"^ *((?:utils|\.ci)/[\w./-]+)", blocks, re.M)
    for word in words:
        # A command may have arguments; a path may be all of the words between backquotes, or their first.
        candidate = word.split(" ")[0]
        if not PATH.fullmatch(candidate) or re.search(r"NAME|PART", candidate):
            continue
        for path in expand(candidate):
            checked += 1
            if not glob.glob(os.path.join(root, path)):
                problems.append(f"file {path}")
    return checked, problems


def main():
    root, total, failed = sys.argv[1], 0, False
    for page in pages(root):
        checked, problems = check(page, root)
        total += checked
        for problem in problems:
            failed = True
            print(f"{os.path.relpath(page, root)}: {problem} is not there")
    print(f"{total} links and files checked")
    sys.exit(failed)


if __name__ == "__main__":
    main()
