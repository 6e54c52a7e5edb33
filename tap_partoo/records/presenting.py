"""Which fields of a record are emitted, and in which types: the catalog decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_partoo.errors import InputError
from tap_partoo.records.converting import BY_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    Convert = Callable[[Any], Any]
    Record = dict[str, Any]
    Breadcrumb = tuple[str, ...]


class Presenter:
    """Leaves out what is not selected, and gives columns the types of the catalog.

    It gets values that already fit the declared columns, of records that are known to
    be new: the user's selection cannot change which records are new.
    """

    def __init__(  # noqa: PLR0913 - all from the catalog
        self,
        stream: str,
        declared: Mapping[str, Any],
        given: Mapping[str, Any],
        is_selected: Callable[[Breadcrumb], bool],
        note_unfit: Callable[[str, Record], None],
        *,
        keys: Collection[str],
    ) -> None:
        """Compare what the tap declares with what the catalog wants.

        Args:
            stream: The name of the stream, for messages.
            declared: JSON schema of the columns.
            given: JSON schema of the catalog.
            is_selected: Returns whether the field at a breadcrumb is selected.
            note_unfit: Takes the path of a value that does not fit the catalog's type,
                and its record.
            keys: The primary keys, which must not become null.

        Raises:
            InputError: If the tap cannot emit a type of the catalog.
        """
        self._stream = stream
        self._is_selected = is_selected
        self._note_unfit = note_unfit
        self._keys = frozenset(keys)
        self._record: Record = {}
        self.present: Convert | None = self._of_object(declared, given, (), "")
        """Changes a record in place; None if nothing is to be changed."""

    def _of(
        self,
        declared: Mapping[str, Any],
        given: Mapping[str, Any],
        place: Breadcrumb,
        path: str,
    ) -> Convert | None:
        want, have = _kind(given), _kind(declared)
        is_nested = want[0] in {"array", "object"}
        if want not in BY_SCHEMA or (is_nested and want != have):
            raise self._wrong_type(path, "that the tap does not emit")
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
        kept = {
            name: breadcrumb
            for name in have
            if self._is_selected(breadcrumb := (*place, "properties", name))
            and name in want
        }
        steps = {
            name: convert
            for name, breadcrumb in kept.items()
            if (
                convert := self._of(
                    have[name], want[name], breadcrumb, f"{prefix}{name}"
                )
            )
        }
        dropped = [name for name in have if name not in kept]
        if not dropped and not steps:
            return None

        def present(record: Record) -> Record:
            if not prefix:
                self._record = record
            for name in dropped:
                record.pop(name, None)
            for name, convert in steps.items():
                if record.get(name) is not None:
                    record[name] = self._changed(convert, record[name], prefix + name)
            return record

        return present

    def _changed(self, convert: Convert, value: object, path: str) -> object:
        try:
            return convert(value)
        except ValueError:
            if path in self._keys:
                raise self._wrong_type(path, "that does not fit its values") from None
            self._note_unfit(path, self._record)
            return None

    def _wrong_type(self, path: str, problem: str) -> InputError:
        return InputError(
            f"The catalog gives `{self._stream}.{path}` a type {problem}. Discover the "
            "catalog again (in Meltano with `--refresh-catalog`)."
        )

    def _of_array(
        self,
        declared: Mapping[str, Any],
        given: Mapping[str, Any],
        place: Breadcrumb,
        path: str,
    ) -> Convert | None:
        if "items" not in given or "items" not in declared:
            return None
        # Breadcrumbs do not number items: a selection applies to all of them.
        convert = self._of(declared["items"], given["items"], place, f"{path}[]")
        if convert is None:
            return None
        return lambda items: [None if item is None else convert(item) for item in items]


def _kind(definition: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return type and format; the type is `?` if there are several or none."""
    types = definition.get("type", [])
    kinds = [types] if isinstance(types, str) else [t for t in types if t != "null"]
    return (kinds[0] if len(kinds) == 1 else "?", definition.get("format"))
