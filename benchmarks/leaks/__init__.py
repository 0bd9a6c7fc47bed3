"""Attacks on what a run lets out: its totals and its model.

Each module plays one adversary with the real recipe on real rows, and returns `Finding`s: what it got, and
how sure that figure is. Nothing here is used by hansa itself.
"""
