"""A coalition of real processes on loopback, for `rounds.py`: `hansa hub up` and `hansa node up`, with other words to carry."""
