"""What of a record leaves, and in which types: what the catalog and its user chose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_partoo.errors import InputError
from tap_partoo.records.converting import BY_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Convert = Callable[[Any], Any]
    Breadcrumb = tuple[str, ...]


class Presenter:
    """Leaves out what is not selected, and gives columns the types of the catalog.

    Works on values that already fit the declared columns, after all decisions on what
    is new, so that no choice of the user can change these.
    """

    def __init__(
        self,
        stream: str,
        declared: Mapping[str, Any],
        given: Mapping[str, Any],
        is_selected: Callable[[Breadcrumb], bool],
        note_unfit: Callable[[str], None],
    ) -> None:
        """Compare what the tap declares with what the catalog wants.

        Args:
            stream: The name of the stream, for messages.
            declared: JSON schema of the columns.
            given: JSON schema of the catalog.
            is_selected: Tells by breadcrumb whether a field leaves.
            note_unfit: Told the path of a value that the catalog's type cannot hold.

        Raises:
            InputError: If the catalog wants a type that cannot be had.
        """
        self._stream = stream
        self._is_selected = is_selected
        self._note_unfit = note_unfit
        self.present: Convert | None = self._of_object(declared, given, (), "")
        """Changes a record in place; None where it leaves as it is."""

    def _of(
        self,
        declared: Mapping[str, Any],
        given: Mapping[str, Any],
        place: Breadcrumb,
        path: str,
    ) -> Convert | None:
        want, have = _kind(given), _kind(declared)
        if want not in BY_SCHEMA:
            msg = (
                f"The catalog gives `{self._stream}.{path}` a type that the tap does "
                "not emit. Discover the catalog again (in Meltano with "
                "`--refresh-catalog`)."
            )
            raise InputError(msg)
        if want != have:
            return BY_SCHEMA[want]
        if have == ("object", None):
            return self._of_object(declared, given, place, f"{path}.")
        if have == ("array", None):
            return self._of_array(declared, given, place, path)
        return None

    def _of_object(
        self,
        declared: Mapping[str, Any],
        given: Mapping[str, Any],
        place: Breadcrumb,
        prefix: str,
    ) -> Convert | None:
        have, want = declared.get("properties"), given.get("properties")
        if have is None or want is None:
            return None
        dropped: list[str] = []
        steps: list[tuple[str, Convert]] = []
        for name, definition in have.items():
            breadcrumb = (*place, "properties", name)
            if name not in want or not self._is_selected(breadcrumb):
                dropped.append(name)
                continue
            path = f"{prefix}{name}"
            convert = self._of(definition, want[name], breadcrumb, path)
            if convert:
                steps.append((name, convert))
        if not dropped and not steps:
            return None

        def present(record: dict[str, Any]) -> dict[str, Any]:
            for name in dropped:
                record.pop(name, None)
            for name, convert in steps:
                if record.get(name) is not None:
                    try:
                        record[name] = convert(record[name])
                    except ValueError:
                        self._note_unfit(f"{prefix}{name}")
                        record[name] = None
            return record

        return present

    def _of_array(
        self,
        declared: Mapping[str, Any],
        given: Mapping[str, Any],
        place: Breadcrumb,
        path: str,
    ) -> Convert | None:
        if "items" not in given or "items" not in declared:
            return None
        # The SDK numbers no item: what is selected is so for all of them.
        convert = self._of(declared["items"], given["items"], place, f"{path}[]")
        if convert is None:
            return None
        return lambda items: [
            None if item is None else convert(item) for item in items
        ]


def _kind(definition: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return type and format; a type that is several, or none, is the text `?`."""
    types = definition.get("type", [])
    kinds = [types] if isinstance(types, str) else [t for t in types if t != "null"]
    return (kinds[0] if len(kinds) == 1 else "?", definition.get("format"))
