"""Small programs as data, started natively and served, with all that the outside can see compared."""
