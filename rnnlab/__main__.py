"""``python -m rnnlab``: what there is, the command line of ``python -m rnnlab.experiments``."""

import sys

from rnnlab.experiments.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
