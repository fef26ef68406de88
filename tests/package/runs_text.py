"""A corpus small enough for tests: wheels made here, of Python that is made here."""

import hashlib
import random
import zipfile

from scaling_helpers.runs import corpus

WORDS = ("alpha", "beta", "gamma", "delta", "loss", "tokens", "params", "width", "depth", "batch", "seed", "law", "fit", "run")


def module(seed, lines=60):
    """Source text that looks like source text, as different from another seed's as two files are."""
    draw = random.Random(seed)
    return "".join(
        f"def {draw.choice(WORDS)}_{draw.randrange(999)}({draw.choice(WORDS)}):\n"
        f"    return {draw.choice(WORDS)} * {draw.randrange(9999)}\n"
        for _ in range(lines)
    ).encode()


def wheel(folder, project, files):
    """A wheel of ``files`` (name -> bytes) and its line of a manifest."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{project}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    content = path.read_bytes()
    return corpus.Source(project, "1.0", path.name, hashlib.sha256(content).hexdigest(), len(content), "MIT")


def tiny(folder, files=120):
    """A corpus of some 300 kB in ``folder / "text"``."""
    source = wheel(folder / "wheels", "tiny", {f"tiny/m{seed}.py": module(seed) for seed in range(files)})
    return corpus.build(folder / "wheels", folder / "text", [source])
