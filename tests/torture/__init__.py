"""A campaign against the cache: damaged files, killed processes, crowds and full disks (`make torture`)."""
