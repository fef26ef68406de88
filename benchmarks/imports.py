"""What does `import scaling_helpers` cost on top of NumPy? Both side by side, alternating, in fresh processes."""

from __future__ import annotations

import statistics
import subprocess
import sys

ROUNDS = 15
TIMED = """
import time
import numpy
start = time.perf_counter()
import {module}
print(time.perf_counter() - start)
"""


def seconds(module: str) -> float:
    """Seconds that importing ``module`` takes after NumPy, in a new interpreter."""
    printed = subprocess.run([sys.executable, "-c", TIMED.format(module=module)], capture_output=True, text=True, check=True)
    return float(printed.stdout)


def main() -> None:
    modules = ("scaling_helpers", "scaling_helpers.figures", "scaling_helpers.explorers", "scipy.optimize", "altair")
    taken: dict[str, list[float]] = {module: [] for module in modules}
    for _ in range(ROUNDS):
        for module, times in taken.items():
            times.append(seconds(module))
    print(f"after `import numpy`, median of {ROUNDS} fresh processes")
    for module, times in taken.items():
        print(f"  import {module:28s} {1e3 * statistics.median(times):7.1f} ms")


if __name__ == "__main__":
    main()
