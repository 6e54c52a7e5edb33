"""The peers that the tap is compared with. Each takes `--config FILE`."""
