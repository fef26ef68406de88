"""``python -m scaling_helpers`` is the ``scaling`` command."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
