"""Every failure that can end a run, with its error message.

The tests compare runs with this table, and `docs/failures.md` is made from it:
`python -m tests.failures` writes the page.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tests.tap import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.tap import Run

PAGE = ROOT / "docs" / "failures.md"

BOOKMARK = "2019-06-01T00:00:00+00:00"
STATE = {
    "bookmarks": {
        "api_keys": {
            "replication_key": "created_at",
            "replication_key_value": BOOKMARK,
        }
    }
}
"""A state to start from, which a failed run must not change."""

Tries = Literal["minutes", "few", "one", "none"]


@dataclass(frozen=True)
class Failure:
    """A failure that can end a run.

    Attributes:
        what: What happens, in the words of a user.
        tries: How long the tap tries: for minutes, a few times, once, or not at all
            because no request is made.
        sentence: What follows `Error: `. `{where}` stands for the address of the
            stream; after several attempts, a note on their number follows.
        faults: The faults of the stand-in that cause this failure.
    """

    what: str
    tries: Tries
    sentence: str
    faults: tuple[str, ...] = ()

    def line(self, **values: str) -> str:
        """Return the line on standard error, without the note on the attempts."""
        name = "api_keys: " if self.is_of_stream else ""
        return f"Error: {name}{self.sentence.format_map(values)}"

    @property
    def is_of_stream(self) -> bool:
        """Whether the line names the stream: not if no stream could be read."""
        return self.tries != "none" and not self.sentence.startswith(
            (
                "Partoo refused",
                "Standard output",
                "The host",
                "The proxy",
                "The certificates",
            )
        )


def _figure_failure(name: str) -> Failure:
    return Failure(
        f"A response whose `{name}` is missing or not a number",
        "minutes",
        f"{{where}} sent a page whose `{name}` is not a number. Check `api_url`, or "
        "run again later.",
        (f"{name} missing", f"{name} null", f"{name} not a number"),
    )


def _server_failure(status: int, says: str = "") -> Failure:
    return Failure(
        f"Partoo's server fails (HTTP {status})",
        "minutes",
        f"Partoo's server failed (HTTP {status}). Run again later.{says}",
        (str(status),),
    )


FAILURES: dict[str, Failure] = {
    "limit": Failure(
        "Too many requests (HTTP 429)",
        "minutes",
        "Partoo's limit of requests per minute is reached (HTTP 429). Other "
        "integrations of the organisation share it: lower `requests_per_minute`, or "
        "run at another time.",
        (
            "429",
            "429 with Retry-After 0",
            "429 with a date",
            "429 with a date but no Date",
        ),
    ),
    "500": _server_failure(500, " Partoo says: json: Internal error."),
    "502": _server_failure(502),
    "503": _server_failure(503),
    "504": _server_failure(504, " Partoo says: upstream request timeout."),
    "408": _server_failure(408),
    "425": _server_failure(425),
    "refused": Failure(
        "The connection is refused",
        "minutes",
        "The connection to {where} was refused. Check `api_url` and the network.",
    ),
    "reset": Failure(
        "The connection is reset or closed without a response",
        "minutes",
        "The connection to {where} was reset. Check `api_url` and the network.",
        ("reset", "closed"),
    ),
    "broke off": Failure(
        "The response breaks off",
        "minutes",
        "The response from {where} broke off. Check the network, or run again later.",
        ("short body", "cut chunked body"),
    ),
    "timeout": Failure(
        "No response within `request_timeout`, or silence in the middle of one",
        "minutes",
        "{where} did not respond in time. Check the network, or raise "
        "`request_timeout`.",
        ("stall", "stall in the body"),
    ),
    "slow": Failure(
        "A response that is too slow in total, although each part comes in time",
        "minutes",
        "The response from {where} was too slow: it was not complete after 300 s, "
        "five times `request_timeout`. Check the network, or run again later.",
    ),
    "encoding": Failure(
        "A response that cannot be decompressed",
        "minutes",
        "{where} sent a response that cannot be decompressed. Check `api_url`, or run "
        "again later.",
        ("bad encoding",),
    ),
    "HTML": Failure(
        "A web page instead of data",
        "minutes",
        "{where} sent HTML instead of data. Check `api_url`, or run again later.",
        ("HTML with 200",),
    ),
    "JSON": Failure(
        "A response that is cut, empty, or not JSON",
        "minutes",
        "{where} sent text that is not complete JSON instead of data. Check "
        "`api_url`, or run again later.",
        ("truncated JSON", "invalid JSON", "empty body with 200", "invalid UTF-8"),
    ),
    "no object": Failure(
        "A response that is JSON of another kind",
        "minutes",
        "{where} sent JSON that is not an object instead of data. Check `api_url`, or "
        "run again later.",
        ("JSON array", "JSON null"),
    ),
    "no list": Failure(
        "A response without the list of keys",
        "minutes",
        "{where} sent a page without a list of objects `api_keys`. Check `api_url`, "
        "or run again later.",
        ("api_keys missing", "api_keys null", "api_keys not a list"),
    ),
    "error with 200": Failure(
        "An error message with status 200",
        "minutes",
        "{where} sent a page without a list of objects `api_keys`. Partoo says: json: "
        "Please try again. Check `api_url`, or run again later.",
        ("error with 200",),
    ),
    **{name: _figure_failure(name) for name in ("page", "max_page", "count")},
    "no such host": Failure(
        "The host name of `api_url` does not exist, or name resolution fails",
        "few",
        "The host of {where} cannot be found. Check `api_url` and the network.",
    ),
    "proxy": Failure(
        "The proxy cannot be reached, or refuses",
        "few",
        "The proxy for {where} does not work. Check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY "
        "and NO_PROXY.",
    ),
    "400": Failure(
        "Partoo does not accept the request (HTTP 400)",
        "one",
        "Partoo rejected the request (HTTP 400). Check the settings of this stream and "
        "`per_page`. Partoo says: json: per_page: Must be between 1 and 100.",
        ("400",),
    ),
    "401": Failure(
        "The key is wrong, expired or revoked (HTTP 401)",
        "one",
        "Partoo refused the API key (HTTP 401). Check that `api_key` is complete, not "
        "expired or revoked, and made for this `api_url` (production and sandbox have "
        "separate keys). Partoo says: authentication: User not authenticated.",
        ("401",),
    ),
    "403": Failure(
        "The key lacks rights, or this machine is not on its IP whitelist (HTTP 403)",
        "one",
        "Partoo refused `api_keys` (HTTP 403). Everything else has been read. Check "
        "the rights of the key and of its user and, if the key has an IP whitelist, "
        "that this machine is on it. Or leave the stream out: `meltano select "
        "tap-partoo --exclude api_keys`.",
        ("403",),
    ),
    "404": Failure(
        "`api_url` is not the address of the API (HTTP 404)",
        "one",
        "Partoo refused `api_keys` (HTTP 404). Everything else has been read. Check "
        "the rights of the key and of its user and, if the key has an IP whitelist, "
        "that this machine is on it. For HTTP 404, also check `api_url`, which must "
        "end in /v2. Or leave the stream out: `meltano select tap-partoo --exclude "
        "api_keys`.",
        ("404",),
    ),
    "418": Failure(
        "Any other refusal (HTTP 4xx)",
        "one",
        "{where} sent a response that is not from Partoo (HTTP 418). Check `api_url`.",
        ("418",),
    ),
    **{
        f"redirect {status}": Failure(
            f"A redirect to another address (HTTP {status})",
            "one",
            f"{{where}} redirects to another address (HTTP {status}). Redirects are "
            "not followed, so that the API key is not sent elsewhere: set `api_url` to "
            "the final address.",
            (f"redirect {status}",),
        )
        for status in (301, 302, 307)
    },
    "TLS": Failure(
        "The TLS certificate cannot be verified",
        "one",
        "The TLS certificate of {where} cannot be verified. Check `api_url`; behind a "
        "company proxy, set REQUESTS_CA_BUNDLE or SSL_CERT_FILE to the company's "
        "certificates.",
    ),
    "no TLS": Failure(
        "`api_url` does not support TLS",
        "one",
        "The TLS connection to {where} cannot be made. Check `api_url` and the proxy "
        "variables.",
    ),
    "bad proxy": Failure(
        "The proxy variables are not the address of an HTTP proxy",
        "one",
        "The request to {where} cannot be made ({kind}). Check `api_url` and the proxy "
        "variables.",
    ),
    "SOCKS": Failure(
        "The proxy is a SOCKS proxy, and PySocks is not installed",
        "none",
        "The proxy variables name a SOCKS proxy, which needs PySocks: install the "
        "package `PySocks` next to the tap, or check HTTPS_PROXY, HTTP_PROXY, "
        "ALL_PROXY and NO_PROXY.",
    ),
    "wrong page": Failure(
        "A page that is not the requested one",
        "one",
        "The pages that Partoo sends are inconsistent: page 2 says that it is page 1. "
        "Run again, and report it to Partoo if it happens again.",
    ),
    "endless": Failure(
        "A list that grows without end",
        "one",
        "The pages that Partoo sends are inconsistent: their number grew to {pages} "
        "while they were read. Run again, and report it to Partoo if it happens again.",
    ),
    "full": Failure(
        "Standard output cannot be written, such as a full disk",
        "one",
        "Standard output cannot be written: No space left on device. Make room there "
        "and run again; the next run starts from the last bookmark.",
    ),
    "no key": Failure(
        "`api_key` is not set",
        "none",
        "The setting `api_key` is missing: set it in the config file, as "
        "TAP_PARTOO_API_KEY with `--config ENV`, or with `meltano config set "
        "tap-partoo api_key`",
    ),
    "broken key": Failure(
        "`api_key` was copied with a line break or a space",
        "none",
        "The setting `api_key` has a character that no API key has, such as a line "
        "break, a space or an accent. Copy the key again",
    ),
    "page size": Failure(
        "A setting out of its range",
        "none",
        "The setting `per_page` must be a whole number from 1 to 500, not 501",
    ),
    "plain http": Failure(
        "`api_url` begins with http",
        "none",
        "The setting `api_url` must begin with https: over plain http, anybody on the "
        "network could read the API key. For example: https://api.partoo.co/v2",
    ),
    "certificates": Failure(
        "REQUESTS_CA_BUNDLE or SSL_CERT_FILE is not a file with certificates",
        "none",
        "The certificates at {path} cannot be read. Check REQUESTS_CA_BUNDLE, "
        "CURL_CA_BUNDLE and SSL_CERT_FILE.",
    ),
    "config file": Failure(
        "The config file cannot be read",
        "none",
        "The config file {path} cannot be read: No such file or directory.",
    ),
    "config JSON": Failure(
        "The config file is not JSON",
        "none",
        "The config file {path} is not JSON: Expecting value in line 1, column 1.",
    ),
    "state JSON": Failure(
        "The state file is not JSON",
        "none",
        "The state file {path} is not JSON: Expecting value in line 1, column 1.",
    ),
    "bookmark": Failure(
        "A bookmark is not a date",
        "none",
        "The state entry `bookmarks.api_keys.replication_key_value` is 'yesterday', "
        "which is not a date. Correct it, or remove it to read everything again (in "
        "Meltano: `meltano state clear` with the state id, or `--full-refresh`).",
    ),
    "catalog": Failure(
        "The catalog names a stream that does not exist",
        "none",
        "The catalog has a stream `ratings`, which does not exist. Discover it again: "
        "`tap-partoo --discover` (in Meltano `--refresh-catalog`).",
    ),
}

_TRIES = re.compile(r" Gave up after \d+ attempts in \d+ s\.$")
_EXAMPLES = {
    "where": "https://api.partoo.co/v2/api_keys",
    "path": "/path/to/file",
    "pages": "150",
    "kind": "InvalidProxyURL",
}


def of_fault(fault: str) -> Failure:
    """Return the failure that a fault of the stand-in causes."""
    (failure,) = (f for f in FAILURES.values() if fault in f.faults)
    return failure


def check_end(run: Run, failure: Failure, **values: str) -> None:
    """Assert that a run ended with this failure, and did so properly.

    Args:
        run: A run from `STATE`, or without a state.
        failure: The expected failure.
        values: The values of the placeholders in its sentence.
    """
    assert run.returncode == 1, run.stderr
    assert [_TRIES.sub("", line) for line in run.errors] == [failure.line(**values)]
    noted = _TRIES.search(run.errors[0]) is not None
    assert noted == (failure.tries in {"minutes", "few"})
    assert run.stderr.endswith(f"{run.errors[0]}\n")
    assert "Traceback" not in run.stderr
    kinds = {message["type"] for message in run.messages}
    assert kinds <= {"SCHEMA", "RECORD", "STATE"}
    for message in run.of_type("STATE"):
        assert message["value"] in ({"bookmarks": {}}, STATE)


_TITLES: Mapping[Tries, tuple[str, str]] = {
    "minutes": (
        "Temporary failures",
        """
        The tap retries each request for up to five minutes: after 1, 2, 4 and so on up
        to 30 seconds, or after the time that Partoo asks for with `Retry-After`, which
        holds back all requests. Waits of more than three seconds are logged. If the
        failure remains, the run ends with this line, followed by a note such as `Gave
        up after 17 attempts in 300 s.`
        """,
    ),
    "few": (
        "Failures that are seldom temporary",
        """
        The tap tries three times. Then the run ends with this line, followed by a note
        such as `Gave up after 3 attempts in 5 s.`
        """,
    ),
    "one": (
        "Permanent failures",
        "A retry would not help, so the run ends at once:",
    ),
    "none": (
        "Errors before the first request",
        """
        The run ends at once, before anything is sent. These are examples: all settings,
        the catalog and the state are checked, and their errors are reported in the same
        way.
        """,
    ),
}
_INTRODUCTION = """\
<!-- Made by `python -m tests.failures`, from the table that the tests check. -->

# When a run fails

A run that fails ends with one line on standard error that begins with `Error:`, and
with exit code 1. Correct the cause and run again: nothing is lost, since the bookmark
only moves past what was read completely. If the log is configured, as in Meltano, that
line is a log record of level ERROR. It quotes Partoo's own message about the failure
after `Partoo says:`. The API key and `api_keys_search_text` are always masked as `***`.

For more detail, run with `TAP_PARTOO_LOGLEVEL=debug`: it shows each attempt and, for
unexpected errors, where in the program they happened.
"""
_OTHER_ENDS = """\
## Other ends

| What happens | What you see | Exit code |
| --- | --- | --- |
| Everything was read | A summary, in the log | 0 |
| Rows moved while the pages were read, and some are still missing after three \
attempts | A warning `api_keys may be incomplete`; the bookmark stays where it was, so \
that the next run covers the gap | 0 |
| The command line is wrong | `Error:` and what is wrong | 2 |
| You press Ctrl-C, or a scheduler stops the run | `Stopped by SIGINT: the next run \
starts from the last bookmark.` | 130 (SIGINT), 143 (SIGTERM), 129 (SIGHUP) |
| The reader of the output ends first, such as `head` | No further output | 141 |
"""


def page() -> str:
    """Return the page for users."""
    parts = [_INTRODUCTION]
    for tries, (title, introduction) in _TITLES.items():
        table = _table(f for f in FAILURES.values() if f.tries == tries)
        text = textwrap.fill(" ".join(introduction.split()), 88, break_on_hyphens=False)
        parts.append("\n".join([f"## {title}", "", text, "", *table]))
    return "\n".join([*parts, _OTHER_ENDS])


def _table(failures: Iterable[Failure]) -> list[str]:
    rows = [f"| {f.what} | {f.line(**_EXAMPLES)} |" for f in failures]
    return ["| What happens | The line |", "| --- | --- |", *rows, ""]


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
