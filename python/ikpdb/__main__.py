"""``python -m ikpdb`` is kept for programs that speak the IKPdb protocol; it says what to use until it is served."""

import sys

if __name__ == "__main__":
    sys.exit("ikpdb: `python -m ikpdb` does not serve the IKPdb protocol yet; use `python -m ikpdb.cli run SCRIPT`")
