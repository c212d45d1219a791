"""The command line: one module per verb. Results go to stdout, progress and logs to stderr."""
