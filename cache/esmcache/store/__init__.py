"""What is kept between runs: content-addressed blobs and the SQLite index of everything known about modules."""
