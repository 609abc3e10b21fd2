"""Small programs as data, started natively and with the cache; all visible results are compared."""
