"""The files that runners read (manifests and packs), and the JavaScript that reads them in the user's process."""
