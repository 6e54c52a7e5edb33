"""The template's tap with the faster of the SDK's two message writers."""

from __future__ import annotations

from singer_sdk.contrib.msgspec import MsgSpecWriter

from tests.bench.peers.template_tap import TemplateTap


class TemplateTapMsgspec(TemplateTap):
    """The tap."""

    message_writer_class = MsgSpecWriter


if __name__ == "__main__":
    TemplateTapMsgspec.cli()
