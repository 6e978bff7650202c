"""``python -m rnnlab.experiments``."""

import sys

from rnnlab.experiments._lab.command_line import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
