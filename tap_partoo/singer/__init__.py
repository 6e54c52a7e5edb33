"""What any careful tap adds to the SDK; knows nothing about Partoo."""
