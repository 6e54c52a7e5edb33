"""The command `tap-partoo` with short waits between its tries.

Everything else is real. Without it the tests of what never gets better would take five
minutes each.
"""

from __future__ import annotations

from tap_partoo import client
from tap_partoo.__main__ import main

if __name__ == "__main__":
    client.BACKOFF_FACTOR_SECONDS = 0.01
    client.BACKOFF_MAX_SECONDS = 0.05
    client.MAX_RETRY_SECONDS = 3
    client.MAX_JITTER_SECONDS = 0.01
    main()
