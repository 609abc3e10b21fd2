"""esmcache: analysed and compiled ES modules, kept from one start to the next."""
