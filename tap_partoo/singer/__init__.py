"""What any careful tap adds to the SDK; knows nothing of Partoo."""
