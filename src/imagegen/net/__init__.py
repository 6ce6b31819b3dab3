"""Connections and their limits, shared by the whole process."""
