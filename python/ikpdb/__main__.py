"""``python -m ikpdb [options] script.py``: debugs the program for a client of the original IKPdb."""

import sys

from ikpdb.compatible import main

if __name__ == "__main__":
    sys.exit(main())
