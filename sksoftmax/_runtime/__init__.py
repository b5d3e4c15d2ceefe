"""Settings of the process and of the thread that hold while the package computes."""
