"""Writes lowercase_table.cpp from this Python's own Unicode tables: python lowercase_table.py > lowercase_table.cpp"""

from __future__ import annotations

import unicodedata


def runs() -> list[list[int]]:
    """[first, last, stride, shift] of neighbours that move alike; those that become several characters are left out."""
    found: list[list[int]] = []
    for code in (*range(0xD800), *range(0xE000, 0x110000)):
        lower = "σ" if chr(code) == "Σ" else chr(code).lower()  # where it is final is a matter of its neighbours
        if len(lower) != 1 or ord(lower) == code:
            continue
        shift = ord(lower) - code
        if found and found[-1][3] == shift:
            gap = code - found[-1][1]
            if gap == found[-1][2] or (found[-1][0] == found[-1][1] and gap in (1, 2)):
                found[-1][1:3] = code, gap
                continue
        found.append([code, code, 1, shift])
    return found


table = runs()
print(f"// Written by lowercase_table.py: lower case in Unicode {unicodedata.unidata_version}.")
print('#include "engine/lowercase_table.h"\n\nnamespace lmdm {\n')
print(f"const std::array<LowercaseRun, {len(table)}> lowercase_runs = {{{{")
for start in range(0, len(table), 3):
    print("    " + " ".join(f"{{0x{a:04X}, 0x{b:04X}, {s}, {d}}}," for a, b, s, d in table[start : start + 3]))
print("}};\n\n}  // namespace lmdm")
