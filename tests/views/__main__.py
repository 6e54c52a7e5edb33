"""Renew the samples of docs/views.md."""

from __future__ import annotations

from tests.views import PAGE, page, warehouse

with warehouse() as made, made.database.connect() as connection:
    PAGE.write_text(page(connection), encoding="utf-8")
