"""What runners read, and the JavaScript that reads it in the user's process; a Node's own compile-cache directory."""
