"""The text of `--about`: the SDK's has only names and types of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.about import TextFormatter
from typing_extensions import override

from tap_partoo.singer.config import accepted

if TYPE_CHECKING:
    from singer_sdk.about import AboutInfo


class SettingsFormatter(TextFormatter, format_name="text"):
    """Takes the place of the SDK's text format."""

    @override
    def format_about(self, about_info: AboutInfo) -> str:
        head, _, _ = super().format_about(about_info).partition("\nSettings:\n")
        lines = [head, "Settings:"]
        required = about_info.settings.get("required", ())
        for name, schema in about_info.settings["properties"].items():
            default = (
                "required" if name in required else schema.get("default", "not set")
            )
            lines += [
                f"  {name}: {schema.get('title', '')}",
                f"    {schema.get('description', '')}",
                f"    Accepted: {accepted(schema)}. Default: {default}.",
                f"    Environment variable: {about_info.env_var_prefix}{name.upper()}",
            ]
        return "\n".join(lines)
