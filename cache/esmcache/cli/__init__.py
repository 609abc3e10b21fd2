"""The command line: arguments in, one engine call, text out; computes nothing."""
