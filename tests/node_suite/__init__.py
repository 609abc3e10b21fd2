"""Runs Node's own tests of modules plain, with pass-through hooks and with our preload, and compares who passes."""
