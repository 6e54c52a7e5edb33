"""What the tap is compared with. Each takes `--config FILE`, like the tap."""
