"""The SDK's stream, with what the tap does itself turned off. The only import of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import RESTStream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import Metadata, MetadataMapping
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk.helpers.types import Context, Record


class SdkStream(RESTStream[Any]):
    """A stream that leaves bookmarks, ACTIVATE_VERSION and parents to its subclass."""

    # `Fitter` does this, without turning the string "false" into true.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    held_version: int | None = None
    """The version of the ACTIVATE_VERSION message that is due; None if none is."""

    @override
    def log(self, message: str, *args: Any, **kwargs: Any) -> None:
        """Log the SDK's messages on level debug: the tap has its own."""
        self.logger.debug(message, *args)

    @property
    @override
    def metadata(self) -> MetadataMapping:
        """List the fields of objects in arrays, too: Meltano adds no entries there."""
        is_made = self._metadata is None and self._tap_input_catalog is None
        metadata = super().metadata
        if is_made:
            available = Metadata.InclusionType.AVAILABLE
            for breadcrumb in _nested(self.schema, ()):
                metadata.setdefault(breadcrumb, Metadata(inclusion=available))
        return metadata

    @override
    def get_batch_config(self, config: Mapping[str, Any]) -> None:
        """Return None: BATCH would skip the selection of fields and the stream maps."""

    @override
    def generate_child_contexts(
        self,
        record: Record,
        context: Context | None,
    ) -> Iterable[Context | None]:
        """Return nothing: a stream per parent reads its parents itself."""
        return ()

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Do nothing: `floor` and `lower_bound` decide where a run starts."""

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Return None: Partoo's clock caps the bookmark, not that of this machine."""

    @override
    def _increment_stream_state(
        self,
        latest_record: Record,
        *,
        context: Context | None = None,
    ) -> None:
        """Do nothing: the bookmark moves when a query is complete."""

    @override
    def _write_activate_version_message(self, full_table_version: int) -> None:
        """Hold the message back: the SDK sends it before anything is read."""
        self.held_version = full_table_version

    def send_activate_version(self, version: int) -> None:
        """Send the message that was held back."""
        super()._write_activate_version_message(version)

    def write_state(self) -> None:
        """Send the state at once, so that the run can be resumed from there."""
        self._write_state_message()

    def forget_sent_state(self) -> None:
        """Have the SDK send the state again, even if it has not changed.

        Otherwise it would not: if the bookmark stayed, no state would follow the
        records. Some targets report a state only if no record follows it.
        """
        self._tap.state_writer._last_emitted_state = None  # noqa: SLF001 - no public way


def _nested(
    schema: Mapping[str, Any],
    place: tuple[str, ...],
) -> Iterator[tuple[str, ...]]:
    """Yield the breadcrumbs of all fields of objects in arrays."""
    while "items" in schema:
        schema = schema["items"]
    for name, definition in schema.get("properties", {}).items():
        breadcrumb = (*place, "properties", name)
        if place:
            yield breadcrumb
        yield from _nested(definition, breadcrumb)
