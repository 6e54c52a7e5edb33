"""What is wrong with a stream map that fails on a record."""

from __future__ import annotations

from tap_partoo.errors import InputError
from tap_partoo.redaction import redact


def error_of_map(stream: str, error: Exception) -> InputError:
    """Return the error of the user's expression, without the value that it failed on.

    Args:
        stream: The name of the stream.
        error: What the SDK raised while it computed the expression.
    """
    column = expression = ""
    trace = error.__traceback__
    while trace is not None:  # the SDK's error does not name the column
        names = trace.tb_frame.f_locals
        if "property_name" in names and "expr" in names:
            column, expression = names["property_name"] or "__filter__", names["expr"]
        trace = trace.tb_next
    cause = type(error.__cause__ or error).__name__
    return InputError(
        f"The setting `stream_maps` fails for `{stream}.{column}`: "
        f"{redact.quote(str(expression))} raises {cause}. Mind values that are null, "
        "such as in `md5(user_name) if user_name else None`, and columns that are "
        "deselected."
    )
