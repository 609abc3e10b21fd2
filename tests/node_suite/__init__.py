"""Runs Node's own module tests plain, with pass-through hooks and with our preload, and compares which tests pass."""
