"""What the stand-in knows about a resource: declarations only."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .habits import Habits
from .row import Record, Row, View

if TYPE_CHECKING:
    from .account import Account
    from .data import Key
    from .scene import Scene

Values = Mapping[str, Hashable]
"""The parameters of a request, parsed; without those of its page."""

ViewMaker = Callable[["Account", Values, Habits], View | None]

Kind = Literal["numbered", "cursor", "one response", "map"]


@dataclass(frozen=True)
class Pages:
    """How a list is cut into pages.

    Attributes:
        kind: "map" has numbered pages, too, but no counters in the response.
        default: Rows on a page unless `per_page` says otherwise.
        maximum: The highest `per_page`; None where there is no such parameter.
    """

    kind: Kind = "numbered"
    default: int = 30
    maximum: int | None = 100


@dataclass(frozen=True)
class Parameter:
    """A documented query parameter.

    Attributes:
        parse: Returns the value; a `ValueError` says what is wrong with the text.
        passes: Whether a row passes; None where it is no filter.
        field: The field of which the value is a set: rows are found by an index.
        bound: Which end of a range of the resource's `moment` it is.
        required: Whether a request without it is refused.
        resolve: What is made of the value, given the account.
        documented: Whether a request may have it; otherwise it is only implied.
    """

    parse: Callable[[str], Hashable]
    passes: Callable[[Row, Any], bool] | None = None
    field: str | None = None
    bound: Literal["from", "to"] | None = None
    required: bool = False
    resolve: Callable[[Account, Any], Hashable] | None = None
    documented: bool = True


@dataclass(frozen=True)
class Detail:
    """A path below the list that returns one row, such as `/sections/3`.

    Attributes:
        field: The field that the path names.
        view: The form of the row; as it is stored by default.
        parameters: The documented ones.
    """

    field: str
    view: ViewMaker | None = None
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resource:
    """A resource of the API.

    Attributes:
        name: The name of its stream.
        path: Such as "/reviews"; where it is the path of another resource, the rows
            are parts of the other's.
        list_key: The name of the list in the response.
        key: The primary key.
        make: Makes a row of a scene, given how many were made before.
        pages: How the list is cut.
        parameters: The documented parameters, without those of the page.
        orders: The values of `order_by`, without the sign, and the field of each.
        moment: When a row counts as changed, in epoch seconds, for a range.
        moment_order: The value of `order_by` that sorts by that moment.
        product: What an organisation must have bought.
        detail: The path of one row, if the documentation has it.
        implied: Returns parameters that a request does not name.
        view: The form of the rows in a list; as they are stored by default.
        units: What is listed instead of rows, as JSON: made of all rows that pass.
        missing: Whether what the parameters name does not exist, which is a 404.
        hidden: What the account keeps of a new row in addition to the record.
        added: Called after a row was added.
        embedded_in: The resource whose responses contain the rows.
        first_id: The first id, where the account counts them.
    """

    name: str
    path: str
    list_key: str
    key: tuple[str, ...]
    make: Callable[[Scene, int], Record]
    pages: Pages = Pages()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    orders: Mapping[str, str] = field(default_factory=dict)
    moment: Callable[[Record, Habits], float | None] | None = None
    moment_order: str | None = None
    product: str | None = None
    detail: Detail | None = None
    implied: Callable[[Values, Habits], Values] | None = None
    view: ViewMaker | None = None
    units: Callable[[list[Record]], list[bytes]] | None = None
    missing: Callable[[Account, Values], bool] | None = None
    hidden: Callable[[Scene], Key] | None = None
    added: Callable[[Account, Record], None] | None = None
    embedded_in: str | None = None
    first_id: int = 1
