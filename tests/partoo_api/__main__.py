"""Run the stand-in on its own: `python -m tests.partoo_api --port 8000`."""

from __future__ import annotations

import argparse
import signal

from . import StandIn, whole_account


def main() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.partoo_api")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    parser.add_argument("--keys", type=int, default=287, help="number of API keys")
    parser.add_argument("--businesses", type=int, default=10)
    parser.add_argument("--reviews", type=int, default=300)
    parser.add_argument("--api-key", default="demo-key", help="what x-APIKey must be")
    parser.add_argument("--first-page", type=int, choices=(0, 1), default=1)
    parser.add_argument(
        "--latency", type=float, default=0.0, help="seconds per response"
    )
    parser.add_argument("--requests-per-minute", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    # Blocked before any thread starts, the signals wait for `sigwait`.
    signals = (signal.SIGINT, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    account = whole_account(
        keys=options.keys,
        businesses=options.businesses,
        reviews=options.reviews,
        seed=options.seed,
        api_key=options.api_key,
    )
    with StandIn(
        account,
        first_page=options.first_page,
        requests_per_minute=options.requests_per_minute,
        latency_seconds=options.latency,
        port=options.port,
    ) as api:
        header = f"x-APIKey: {options.api_key}"
        print(f"{api.url}  {header}  curl -H '{header}' {api.url}/api_keys", flush=True)
        signal.sigwait(signals)


if __name__ == "__main__":
    main()
