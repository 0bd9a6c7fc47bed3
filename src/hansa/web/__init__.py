"""HTTP faces: the hub's service, and the node's own for the people beside it.

A face turns requests into calls and failures into problem documents, and decides nothing.
"""
